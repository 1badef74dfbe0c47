// The options of `instrumentHttp`, checked once. Invariant: what the hot path asks are ready values; no option is read there.
import { OptionsError } from '@switchgear/core'
import type { HttpClientDurations, HttpServerDurations } from '../metrics/http-durations.ts'
import { Propagation, type PropagationOptions } from '../propagation/options.ts'
import type { Context } from '../trace/context.ts'
import type { OnProblem } from './http-subscriptions.ts'
import { QueryRedaction } from './request-url.ts'

/** Takes the durations of served requests, sampled or not, and counts those under way. */
export type ServerDurations = Pick<HttpServerDurations, 'observe' | 'active'>

/** Takes the durations of requests that were sent, sampled or not. */
export type ClientDurations = Pick<HttpClientDurations, 'peer'>

/** A request before it is traced, for `ignore`. */
export interface RequestOutline {
  readonly side: 'server' | 'client'
  readonly method: string
  /** As in the Host header; '' when there is none. */
  readonly host: string
  /** With its query, as it stands in the request. */
  readonly path: string
}

/** Headers of a request that came in. */
export type ReceivedHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/** Options of `instrumentHttp`. */
export interface HttpInstrumentationOptions {
  /** Spans of requests that node:http and node:https serve. Default true. */
  readonly server?: boolean
  /** Spans of requests that are sent by node:http and node:https. Default true. */
  readonly client?: boolean
  /** Spans of requests that are sent by undici, Node's `fetch` among them. Default true. */
  readonly undici?: boolean
  /** Spans of the streams of node:http2, served and sent, so also of gRPC. Default true. */
  readonly http2?: boolean
  /** Requests for which this answers true are not traced, measured or given headers, nor is what serving them causes. */
  readonly ignore?: ((request: RequestOutline) => boolean) | undefined
  /** Servers whose requests are left out like ignored ones. See also `excludeServer`. */
  readonly excludedServers?: readonly object[]
  /** Hosts, `host` or `host:port`, to which requests are left out. */
  readonly excludedHosts?: readonly string[]
  /** False: what callers say of traces and baggage is not gone on with; a new trace begins that links to the caller's. Default true. */
  readonly trustIncoming?: boolean
  /** True: `client.address` and `url.scheme` come from X-Forwarded-For and -Proto, which only a proxy of ours may set. Default false. */
  readonly trustForwarded?: boolean
  /** Request headers to keep as attributes. Values of headers that carry secrets are redacted. Default none. */
  readonly captureRequestHeaders?: readonly string[]
  /** Response headers to keep. Default none. */
  readonly captureResponseHeaders?: readonly string[]
  /** Query parameters whose values are redacted, by the letter, instead of all that have the name of a secret, as in logs. */
  readonly sensitiveParameters?: readonly string[]
  /** Whoever counts the requests that were served. */
  readonly serverDurations?: ServerDurations | undefined
  /** Whoever counts the requests that were sent. */
  readonly clientDurations?: ClientDurations | undefined
  /** Which headers are read and written. */
  readonly propagation?: PropagationOptions | Propagation
  /** Adds what else came in, such as deadline and tenant, to the context of a request that is served. */
  readonly enrich?: ((context: Context, headers: ReceivedHeaders) => Context) | undefined
  /** Sets of attributes that are kept, each for one method, status and route or host. A whole number >= 1. Default 2000. */
  readonly maxFacts?: number
  /** Told of the first error of the instrumentation itself. Default: a process warning. */
  readonly onProblem?: OnProblem
}

/** Headers whose values never become attributes. */
const secretHeaders =
  /^(proxy-)?(authorization|authenticat.*)$|^www-authenticate$|cookie|token|secret|api-?key|password/

/** A header to keep: where it comes from and what it becomes. */
export interface CapturedHeader {
  readonly header: string
  readonly attribute: string
  readonly isSecret: boolean
}

/** Options with nothing left open. */
export class HttpSettings {
  readonly server: boolean
  readonly client: boolean
  readonly undici: boolean
  readonly http2: boolean
  readonly ignore: ((request: RequestOutline) => boolean) | undefined
  readonly excludedHosts: ReadonlySet<string>
  readonly trustIncoming: boolean
  readonly trustForwarded: boolean
  readonly requestHeaders: readonly CapturedHeader[]
  readonly responseHeaders: readonly CapturedHeader[]
  readonly redaction: QueryRedaction
  readonly serverDurations: ServerDurations | undefined
  readonly clientDurations: ClientDurations | undefined
  readonly propagation: Propagation
  readonly enrich: ((context: Context, headers: ReceivedHeaders) => Context) | undefined
  readonly maxFacts: number
  readonly onProblem: OnProblem

  /** Throws OptionsError. */
  constructor(options: HttpInstrumentationOptions = {}, path: string = 'http') {
    checkKeys(options, path)
    this.server = flag(options, 'server', true, path)
    this.client = flag(options, 'client', true, path)
    this.undici = flag(options, 'undici', true, path)
    this.http2 = flag(options, 'http2', true, path)
    this.trustIncoming = flag(options, 'trustIncoming', true, path)
    this.trustForwarded = flag(options, 'trustForwarded', false, path)
    this.ignore = callback(options.ignore, `${path}.ignore`)
    this.enrich = callback(options.enrich, `${path}.enrich`)
    this.onProblem = callback(options.onProblem, `${path}.onProblem`) ?? warn
    this.excludedHosts = new Set(texts(options, 'excludedHosts', path).map((host) => host.toLowerCase()))
    this.requestHeaders = captured(texts(options, 'captureRequestHeaders', path), 'request')
    this.responseHeaders = captured(texts(options, 'captureResponseHeaders', path), 'response')
    this.redaction = new QueryRedaction(
      options.sensitiveParameters === undefined ? undefined : texts(options, 'sensitiveParameters', path),
    )
    this.serverDurations = options.serverDurations
    this.clientDurations = options.clientDurations
    const { propagation } = options
    this.propagation =
      propagation instanceof Propagation ? propagation : new Propagation(propagation, `${path}.propagation`)
    this.maxFacts = options.maxFacts ?? 2000
    if (!Number.isInteger(this.maxFacts) || this.maxFacts < 1)
      throw new OptionsError(`${path}.maxFacts must be a whole number >= 1, got ${String(this.maxFacts)}`)
  }
}

const knownKeys: ReadonlySet<string> = new Set<keyof HttpInstrumentationOptions>([
  'server',
  'client',
  'undici',
  'http2',
  'ignore',
  'excludedServers',
  'excludedHosts',
  'trustIncoming',
  'trustForwarded',
  'captureRequestHeaders',
  'captureResponseHeaders',
  'sensitiveParameters',
  'serverDurations',
  'clientDurations',
  'propagation',
  'enrich',
  'maxFacts',
  'onProblem',
])

function checkKeys(options: HttpInstrumentationOptions, path: string): void {
  for (const key of Object.keys(options)) {
    if (!knownKeys.has(key))
      throw new OptionsError(`${path}.${key} is not an option; known are ${[...knownKeys].join(', ')}`)
  }
}

type FlagName = 'server' | 'client' | 'undici' | 'http2' | 'trustIncoming' | 'trustForwarded'
type ListName = 'excludedHosts' | 'captureRequestHeaders' | 'captureResponseHeaders' | 'sensitiveParameters'

function flag(options: HttpInstrumentationOptions, name: FlagName, otherwise: boolean, path: string): boolean {
  const value: unknown = options[name] ?? otherwise
  if (typeof value !== 'boolean') throw new OptionsError(`${path}.${name} must be true or false, got ${String(value)}`)
  return value
}

function callback<F>(value: F | undefined, path: string): F | undefined {
  if (value === undefined || typeof value === 'function') return value
  throw new OptionsError(`${path} must be a function, got ${String(value)}`)
}

function texts(options: HttpInstrumentationOptions, name: ListName, path: string): readonly string[] {
  const value: unknown = options[name] ?? []
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string'))
    throw new OptionsError(`${path}.${name} must be a list of texts, got ${String(value)}`)
  return value
}

function captured(names: readonly string[], side: 'request' | 'response'): CapturedHeader[] {
  return names.map((name) => {
    const header = name.toLowerCase()
    return { header, attribute: `http.${side}.header.${header}`, isSecret: secretHeaders.test(header) }
  })
}

function warn(error: unknown): void {
  process.emitWarning(
    `HTTP instrumentation: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  )
}
