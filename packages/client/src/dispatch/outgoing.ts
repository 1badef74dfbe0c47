// What is asked of a service, in the shape in which it is sent, once per call and before any policy is asked. Invariant: what is
// sent again on a later try is byte for byte the same, but for trace and deadline.
import type { Dispatcher } from 'undici'
import type { BodySource } from '../body-source.ts'
import type { HeaderList } from './header-list.ts'

/** A body as it is sent: `FormData` and `Blob` are written out anew on each try. */
export type OutgoingBody = string | Uint8Array | Blob | FormData | BodySource | null

/** A request ready to be sent. */
export interface Outgoing {
  readonly method: string
  /** With its query. */
  readonly path: string
  /** Without `traceparent`, `tracestate` and, where deadlines travel, without those. */
  readonly headers: HeaderList
  readonly body: OutgoingBody
  /** The same as `body`, where it comes piece by piece. */
  readonly source: BodySource | undefined
  /** Whether repeating it is harmless, by its method or an idempotency key. */
  readonly idempotent: boolean
  /** How the HTTP engine is to treat it. */
  readonly tuning: Tuning
}

/** Options of undici that concern the way of one request. */
export type Tuning = Pick<
  Dispatcher.DispatchOptions,
  'query' | 'idempotent' | 'blocking' | 'reset' | 'headersTimeout' | 'bodyTimeout' | 'expectContinue' | 'typeOfService'
>

/** Methods whose repetition does no further harm (RFC 9110, 9.2.2). */
export const idempotentMethods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
  'QUERY',
])

/** Whether it may be sent once more from its first byte. */
export function isWhole({ source }: Outgoing): boolean {
  return source === undefined || source.replayable
}
