// What a receiver may be told, and the defaults. Owns the check of every option; nothing is guessed.
import { type Duration, OptionsError, parseDuration } from '@switchgear/core'
import { checkCount, parseByteSize } from '@switchgear/core/options'
import type { SpanData } from '../trace/span-data.ts'
import { given } from './given.ts'
import { type IngestLimits, resolveLimits } from './ingest-limits.ts'

/** What a taker did not want. */
export interface TakeResult {
  /** How many of the spans it was given. */
  readonly rejected: number
  /** Why, for the developer of the sender. */
  readonly message: string
}

/** Gets the spans of one request. A throw answers 503, and the sender comes again with the same spans. */
export type Take = (spans: readonly SpanData[]) => void | TakeResult | Promise<void | TakeResult>

/** Options of a receiver; all but `take` have a default. */
export interface ReceiverOptions {
  readonly take: Take
  /** Address to listen on. Default '127.0.0.1'. */
  readonly host?: string
  /** Default 4318, the port of OTLP/HTTP; 0 lets the system choose. */
  readonly port?: number
  /** Values of the Host header to serve beside localhost, 127.0.0.1, [::1] and `host`; without ports. Default none. */
  readonly allowedHosts?: readonly string[]
  /** Bytes of a body as it is sent. Default '4mb'. */
  readonly maxBodyBytes?: number | string
  /** Bytes of a body once it is inflated. Default '16mb'. */
  readonly maxInflatedBytes?: number | string
  /** Bytes of all requests that are being received, decoded or taken; beyond it senders are put off. Default '64mb'. */
  readonly maxInFlightBytes?: number | string
  /** Connections at a time; more are closed unanswered. Default 256. */
  readonly maxConnections?: number
  /** How long a head may take to arrive. Default '10s'. */
  readonly headersTimeout?: Duration
  /** How long a body may take to arrive. Default '10s'. */
  readonly bodyTimeout?: Duration
  /** How long `take` may take before the sender is told to come again. Default '10s'. */
  readonly takeTimeout?: Duration
  /** How long `stop` waits for requests that are under way. Default '5s'. */
  readonly drainTimeout?: Duration
  /** What is kept of one request. */
  readonly limits?: Partial<IngestLimits>
  /** Told what `take` threw, and every other error that a sender is answered 5xx for. */
  readonly onError?: (error: unknown) => void
}

/** The options of a receiver, checked and in the units they are used in. */
export interface ReceiverSettings {
  readonly take: Take
  readonly host: string
  readonly port: number
  /** Lower case, IPv6 in brackets. */
  readonly servedHosts: ReadonlySet<string>
  readonly maxBodyBytes: number
  readonly maxInflatedBytes: number
  readonly maxInFlightBytes: number
  readonly maxConnections: number
  readonly headersTimeoutMs: number
  readonly bodyTimeoutMs: number
  readonly takeTimeoutMs: number
  readonly drainTimeoutMs: number
  readonly limits: IngestLimits
  readonly onError: (error: unknown) => void
}

/** The defaults. */
const receiverDefaults: Required<Omit<ReceiverOptions, 'take'>> = Object.freeze({
  host: '127.0.0.1',
  port: 4318,
  allowedHosts: Object.freeze([]),
  maxBodyBytes: '4mb',
  maxInflatedBytes: '16mb',
  maxInFlightBytes: '64mb',
  maxConnections: 256,
  headersTimeout: '10s',
  bodyTimeout: '10s',
  takeTimeout: '10s',
  drainTimeout: '5s',
  limits: Object.freeze({}),
  onError: (): void => undefined,
})

/** Checks the options. Throws `SG_BAD_OPTIONS` naming path, bound and value. */
export function resolveOptions(options: ReceiverOptions): ReceiverSettings {
  const all = { ...receiverDefaults, ...given<ReceiverOptions>(options) }
  for (const key of Object.keys(all)) {
    const isKnown = key === 'take' || Object.hasOwn(receiverDefaults, key)
    if (!isKnown) fail(key, `an option; known are take, ${Object.keys(receiverDefaults).join(', ')}`, key)
  }
  if (typeof all.take !== 'function') fail('take', 'a function', typeof all.take)
  if (typeof all.host !== 'string' || all.host === '') fail('host', 'an address', all.host)
  if (!Array.isArray(all.allowedHosts)) fail('allowedHosts', 'a list of names', typeof all.allowedHosts)
  const maxBodyBytes = parseByteSize(all.maxBodyBytes, 'receiver.maxBodyBytes')
  const maxInflatedBytes = parseByteSize(all.maxInflatedBytes, 'receiver.maxInflatedBytes')
  const maxInFlightBytes = parseByteSize(all.maxInFlightBytes, 'receiver.maxInFlightBytes')
  const largest = Math.max(maxBodyBytes, maxInflatedBytes)
  // Otherwise the largest request that is allowed could never come in, and its sender would try for ever.
  if (maxInFlightBytes < 2 * largest) fail('maxInFlightBytes', 'twice the largest body at least', maxInFlightBytes)
  return {
    take: all.take,
    host: all.host,
    port: checkCount(all.port, 'receiver.port', 0, 65_535),
    servedHosts: served(all.host, all.allowedHosts),
    maxBodyBytes,
    maxInflatedBytes,
    maxInFlightBytes,
    maxConnections: checkCount(all.maxConnections, 'receiver.maxConnections', 1, 65_535),
    headersTimeoutMs: parseDuration(all.headersTimeout, 'receiver.headersTimeout', 1),
    bodyTimeoutMs: parseDuration(all.bodyTimeout, 'receiver.bodyTimeout', 1),
    takeTimeoutMs: parseDuration(all.takeTimeout, 'receiver.takeTimeout', 1),
    drainTimeoutMs: parseDuration(all.drainTimeout, 'receiver.drainTimeout', 0),
    limits: resolveLimits(all.limits, 'receiver.limits'),
    onError: all.onError,
  }
}

function served(host: string, allowed: readonly string[]): ReadonlySet<string> {
  for (const [index, name] of allowed.entries()) {
    const isHost = typeof name === 'string' && /^(\[[\da-f:.]+\]|[\da-f:.]*:[\da-f:.]*:[\da-f:.]*|[\w.-]+)$/i.test(name)
    if (!isHost) fail(`allowedHosts[${index}]`, 'a host name or an address, without a port', name)
  }
  const bracketed = (name: string): string => (name.includes(':') && !name.startsWith('[') ? `[${name}]` : name)
  return new Set(['localhost', '127.0.0.1', '::1', host, ...allowed].map((name) => bracketed(name).toLowerCase()))
}

function fail(name: string, bound: string, value: unknown): never {
  const got = typeof value === 'string' ? `'${value}'` : String(value)
  throw new OptionsError(`receiver.${name} must be ${bound}, got ${got}`)
}
