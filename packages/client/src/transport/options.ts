// How the endpoints of a service are connected to: options, their bounds and defaults. It connects to nothing.
import { check, checkCount, checkKeys, type Duration, parseDuration } from '@switchgear/core/options'

/** Options of the connections of a service. */
export interface TransportOptions {
  /** Connections to one endpoint at most. Default: what the policies of the service let through at once, at least 100. */
  readonly maxConnections?: number | undefined
  /** An endpoint that swallows packets is given up after this. Default '3s'. */
  readonly connectTimeout?: Duration | undefined
  /** How long an idle connection is kept; a shorter time that the peer tells wins. Default '4s', below the 5 s of Node's own servers. */
  readonly keepAlive?: Duration | undefined
  /** The age at which a connection gets no further request. Default: none. */
  readonly maxAge?: Duration | undefined
  /**
   * `auto`: over TLS the peer chooses by ALPN, without TLS it is HTTP/1.1. `never`: HTTP/1.1 only. `always`: HTTP/2 without
   * asking (prior knowledge) where there is no TLS. Default 'auto'.
   */
  readonly http2?: 'auto' | 'never' | 'always' | undefined
  /** Streams under way on one HTTP/2 connection at most. Default 100. */
  readonly maxStreams?: number | undefined
  /** Speak TLS to endpoints whose source does not say, and how. Default: what the endpoint says, else plain HTTP. */
  readonly tls?: boolean | TlsOptions | undefined
}

/** TLS of a service. Certificates and keys are PEM texts; who reads files is the caller. */
export interface TlsOptions {
  /** Whom to trust. Default: the roots that Node trusts. */
  readonly ca?: string | readonly string[] | undefined
  /** Our own certificate, for a peer that asks for one. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** The name that the peer's certificate must have. Default: the host of the endpoint. An address alone is never sent as SNI. */
  readonly serverName?: string | undefined
}

/** Checked. */
export interface TransportSettings {
  readonly maxConnections: number
  readonly connectTimeoutMs: number
  readonly keepAliveMs: number
  readonly maxAgeMs: number | undefined
  readonly http2: 'auto' | 'never' | 'always'
  readonly maxStreams: number
  readonly tls: TlsOptions | undefined
}

const known: readonly (keyof TransportOptions)[] = [
  'maxConnections',
  'connectTimeout',
  'keepAlive',
  'maxAge',
  'http2',
  'maxStreams',
  'tls',
]
const knownOfTls: readonly (keyof TlsOptions)[] = ['ca', 'cert', 'key', 'serverName']

/** Checks the options that stand at `path`; `fewest` is the default of `maxConnections`. Throws `SG_BAD_OPTIONS`. */
export function transportSettings(options: TransportOptions, path: string, fewest: number): TransportSettings {
  checkKeys(options, known, path)
  const { maxConnections = fewest, http2 = 'auto', maxStreams = 100, tls = false, maxAge } = options
  check(['auto', 'never', 'always'].includes(http2), `${path}.http2`, 'auto, never or always', http2)
  if (typeof tls === 'object') {
    checkKeys(tls, knownOfTls, `${path}.tls`)
    // One without the other would fail at the first handshake, which is too late to be told.
    check(
      (tls.cert === undefined) === (tls.key === undefined),
      `${path}.tls`,
      'given cert and key together',
      'only one',
    )
  }
  return {
    maxConnections: checkCount(maxConnections, `${path}.maxConnections`, 1, 100_000),
    connectTimeoutMs: parseDuration(options.connectTimeout ?? '3s', `${path}.connectTimeout`, 1),
    keepAliveMs: parseDuration(options.keepAlive ?? '4s', `${path}.keepAlive`, 1),
    maxAgeMs: maxAge === undefined ? undefined : parseDuration(maxAge, `${path}.maxAge`, 1),
    http2,
    maxStreams: checkCount(maxStreams, `${path}.maxStreams`, 1, 10_000),
    tls: tls === false ? undefined : tls === true ? {} : tls,
  }
}
