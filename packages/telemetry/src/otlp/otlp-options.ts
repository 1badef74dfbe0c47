// What can be set about sending by OTLP/HTTP, with its defaults and its checks. Invariant: what leaves here is complete and
// within its bounds. It must not show the values of headers nor the credentials of an endpoint: they may be secrets.
import http from 'node:http'
import {
  type Clock,
  type Duration,
  OptionsError,
  parseDuration,
  type Random,
  systemClock,
  systemRandom,
} from '@switchgear/core'

/** How messages are written; by gRPC nothing is sent. */
export type OtlpProtocol = 'http/protobuf' | 'http/json'

/** Options of an OTLP exporter. All have defaults. */
export interface OtlpOptions {
  /** Where requests go, with the path. Default 'http://localhost:4318/v1/traces', and '…/v1/metrics' for metrics. */
  readonly endpoint?: string | URL | undefined
  /** Default 'http/protobuf'. */
  readonly protocol?: OtlpProtocol | undefined
  /** Further headers, such as an authorization. Their values are never shown. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Default 'none': within a machine or a data centre, compressing costs more than sending. */
  readonly compression?: 'gzip' | 'none' | undefined
  /** The time for one request with its answer. Default '10s'. */
  readonly timeout?: Duration | undefined
  /** How often a request is tried, the first try counted. Default 6: about half a minute of an outage. */
  readonly maxAttempts?: number | undefined
  /** The wait after a first failure; it doubles with each further one in a row and is cut by up to a half by chance. Default '1s'. */
  readonly backoff?: Duration | undefined
  /** The longest wait that is not asked for by a Retry-After. Default '30s'. */
  readonly maxBackoff?: Duration | undefined
  /** Spans, or points of metrics, in one request. Default 512. */
  readonly maxBatch?: number | undefined
  /** Spans, or points of metrics, that wait or are being sent. What comes when it is full is dropped and counted. Default 65 536. */
  readonly maxQueueSize?: number | undefined
  /** Bytes that wait or are being sent, before compression. Default 16 MiB. */
  readonly maxQueueBytes?: number | undefined
  /** A larger request is not sent but dropped and counted. Default 64 MiB, as OTLP recommends. */
  readonly maxRequestBytes?: number | undefined
  /** Whoever answers with more is believed in nothing. Default 4 MiB, as OTLP recommends. */
  readonly maxResponseBytes?: number | undefined
  /** Requests at a time, 1 to 8. Default 1. */
  readonly concurrency?: number | undefined
  /** How long `flush` waits at most. Default '30s'. */
  readonly flushTimeout?: Duration | undefined
  /** How long `close` waits before it drops what is left. Default '5s'. */
  readonly closeTimeout?: Duration | undefined
  /** PEM texts for an https endpoint: who is trusted, and the client's own certificate. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined
  /** Gets to know what went wrong, at most once a minute for each kind of problem. Default: nobody; `totals` always know. */
  readonly onProblem?: ((message: string) => void) | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

/** Options with every default and every duration in milliseconds. */
export interface CompleteOptions {
  readonly endpoint: URL
  readonly json: boolean
  readonly headers: Readonly<Record<string, string>>
  readonly gzip: boolean
  readonly timeoutMs: number
  readonly maxAttempts: number
  readonly backoffMs: number
  readonly maxBackoffMs: number
  readonly maxBatch: number
  readonly maxQueueSize: number
  readonly maxQueueBytes: number
  readonly maxRequestBytes: number
  readonly maxResponseBytes: number
  readonly concurrency: number
  readonly flushTimeoutMs: number
  readonly closeTimeoutMs: number
  readonly tls: NonNullable<OtlpOptions['tls']>
  readonly onProblem: ((message: string) => void) | undefined
  readonly clock: Clock
  readonly random: Random
}

const mebibyte = 1024 * 1024

/** Checks `options` and fills in the defaults; `path` is where they stand, for messages. */
export function completeOptions(options: OtlpOptions, path: string, signal: 'traces' | 'metrics'): CompleteOptions {
  const count = (name: keyof OtlpOptions, fallback: number, most = Number.MAX_SAFE_INTEGER): number =>
    checkedCount(options[name] ?? fallback, `${path}.${name}`, most)
  const duration = (name: keyof OtlpOptions, fallback: Duration): number =>
    parseDuration((options[name] ?? fallback) as Duration, `${path}.${name}`, 1)
  const { protocol = 'http/protobuf', compression = 'none', maxBatch = 512, maxQueueSize = 65_536 } = options
  oneOf(protocol, ['http/protobuf', 'http/json'], `${path}.protocol`)
  oneOf(compression, ['gzip', 'none'], `${path}.compression`)
  const queueSize = checkedCount(maxQueueSize, `${path}.maxQueueSize`)
  return {
    endpoint: checkedEndpoint(options.endpoint ?? `http://localhost:4318/v1/${signal}`, `${path}.endpoint`),
    json: protocol === 'http/json',
    headers: checkedHeaders(options.headers ?? {}, `${path}.headers`),
    gzip: compression === 'gzip',
    timeoutMs: duration('timeout', '10s'),
    maxAttempts: count('maxAttempts', 6),
    backoffMs: duration('backoff', '1s'),
    maxBackoffMs: duration('maxBackoff', '30s'),
    // A batch larger than the queue could never enter it.
    maxBatch: Math.min(checkedCount(maxBatch, `${path}.maxBatch`), queueSize),
    maxQueueSize: queueSize,
    maxQueueBytes: count('maxQueueBytes', 16 * mebibyte),
    maxRequestBytes: count('maxRequestBytes', 64 * mebibyte),
    maxResponseBytes: count('maxResponseBytes', 4 * mebibyte),
    concurrency: count('concurrency', 1, 8),
    flushTimeoutMs: duration('flushTimeout', '30s'),
    closeTimeoutMs: duration('closeTimeout', '5s'),
    tls: options.tls ?? {},
    onProblem: options.onProblem,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  }
}

function checkedCount(value: unknown, path: string, most: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most) return value
  const bound = most === Number.MAX_SAFE_INTEGER ? '>= 1' : `in [1, ${most}]`
  throw new OptionsError(`${path} must be a whole number ${bound}, got ${String(value)}`)
}

function oneOf(value: unknown, known: readonly string[], path: string): void {
  if (typeof value === 'string' && known.includes(value)) return
  const why = value === 'grpc' ? '; gRPC is not spoken, most collectors take HTTP on port 4318' : ''
  throw new OptionsError(`${path} must be one of ${known.join(', ')}, got ${String(value)}${why}`)
}

function checkedEndpoint(value: string | URL, path: string): URL {
  const url = URL.parse(value)
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url
  throw new OptionsError(`${path} must be a URL with http or https, got ${withoutCredentials(String(value))}`)
}

function checkedHeaders(headers: Readonly<Record<string, string>>, path: string): Record<string, string> {
  const checked: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (!isHeader(name, value)) throw new OptionsError(`${path} must be headers as HTTP allows them, '${name}' is none`)
    checked[name.toLowerCase()] = value
  }
  return checked
}

/** Whether HTTP allows such a header. */
export function isHeader(name: string, value: string): boolean {
  try {
    http.validateHeaderName(name)
    http.validateHeaderValue(name, value)
    return true
  } catch {
    // Both say "no" by throwing, with the value in the message.
    return false
  }
}

/** Scheme, credentials, host with path, query with fragment: an address that can be read in one way only. */
const clear = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#@\\]*@)?([^/?#@\\]+(?:\/[^?#@]*)?)(?:[?#][^@]*)?$/i

/**
 * What can be shown of an endpoint: no credentials and no query. In one that is malformed nobody can tell where credentials end,
 * as in `http://me:pa/ss@host` or `me:secret@host`; of those nothing before the last `@` is shown.
 */
export function withoutCredentials(endpoint: string): string {
  const [, scheme = '', credentials = '', place] = (URL.canParse(endpoint) ? clear.exec(endpoint) : undefined) ?? []
  if (place !== undefined) return (scheme + (credentials === '' ? '' : '***@') + place).slice(0, 200)
  const at = endpoint.lastIndexOf('@')
  const query = endpoint.search(/[?#]/)
  // The last `@` is one of the query, if it is one; then what comes after it is as secret.
  if (query >= 0 && query < at) return '***'
  const shown = at < 0 ? endpoint : `***${endpoint.slice(at)}`
  return shown.replace(/[?#].*$/s, '').slice(0, 200)
}
