// The text of a file of last known endpoints: what is in it, its version and its checksum. Pure: text in, text out. Invariant:
// what does not fit its checksum, or is not an endpoint, is never taken; a newer version is told apart from damage.
import { createHash } from 'node:crypto'
import { type Endpoint, endpoint, type EndpointParts } from './endpoint.ts'

/** Grows when an older reader could no longer understand the content. */
export const lastKnownVersionNumber = 1

/** What was known of a service. */
export interface LastKnown {
  readonly service: string
  readonly endpoints: readonly Endpoint[]
  /** When it was written: wall clock, milliseconds. */
  readonly wallMs: number
}

/** A file of a version that this one cannot read. */
export class NewerFormat extends Error {}

/**
 * The text of a file.
 *
 * @example
 * decodeLastKnown(encodeLastKnown(known), known.service) // equals `known`
 */
export function encodeLastKnown({ service, endpoints, wallMs }: LastKnown): string {
  const content = { service, writtenAt: new Date(wallMs).toISOString(), endpoints }
  const checksum = checksumOf(content)
  return `${JSON.stringify({ format: 'switchgear last known endpoints', version: lastKnownVersionNumber, checksum, content }, undefined, 1)}\n`
}

/** The content of a file of `service`. Throws `NewerFormat`, or an error that says what is wrong with it. */
export function decodeLastKnown(text: string, service: string): LastKnown {
  const file = JSON.parse(text) as {
    readonly version?: unknown
    readonly checksum?: unknown
    readonly content?: { readonly service?: unknown; readonly writtenAt?: unknown; readonly endpoints?: unknown }
  } | null
  const version = file?.version
  if (typeof version === 'number' && version > lastKnownVersionNumber)
    throw new NewerFormat(
      `has format ${version}, written by a newer Switchgear; this one reads up to ${lastKnownVersionNumber}`,
    )
  const content = file?.content
  if (version !== lastKnownVersionNumber || content === undefined || content === null)
    throw new Error('it is not of a known format')
  if (file?.checksum !== checksumOf(content)) throw new Error('its checksum does not fit')
  const wallMs = typeof content.writtenAt === 'string' ? Date.parse(content.writtenAt) : Number.NaN
  if (content.service !== service || Number.isNaN(wallMs) || !Array.isArray(content.endpoints))
    throw new Error(`it is not of ${service}`)
  const endpoints = content.endpoints.map((parts, index) => endpoint(parts as EndpointParts, `endpoints[${index}]`))
  return { service, endpoints, wallMs }
}

/** Of the content as JSON without white space: the same after reading as before writing, as keys keep their order. */
function checksumOf(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}
