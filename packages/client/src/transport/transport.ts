// The transport of one service: for each endpoint a pool of connections, all made by one connector. Invariant: the policies own the
// time-outs and the bounds; what is set here is not felt before them.
//
// What a pool is told, and why:
// - connections: as many per endpoint as the policies let through at once, so that no second, invisible queue forms in the pool.
// - headersTimeout, bodyTimeout: 5 minutes, for calls without any deadline, which would hold their connection for ever. A call that
//   has one switches them off, because undici makes timers of its own for each request.
// - pipelining 1: one request at a time per HTTP/1.1 connection; a slow answer holds up nobody behind it. HTTP/2 has streams.
import { authority, type Endpoint } from '@switchgear/discovery'
import { Pool } from 'undici'
import type { Connections } from '../endpoints/connections.ts'
import { Connector } from './connector.ts'
import { type TransportOptions, type TransportSettings, transportSettings } from './options.ts'

const backstopMs = 300_000

/** Connects to the endpoints of one service. */
export class Transport {
  readonly #settings: TransportSettings
  readonly #connector: Connector

  /** `path` is where the options stand, for messages; `fewest` the default of `maxConnections`. Throws `SG_BAD_OPTIONS`. */
  constructor(options: TransportOptions, path: string, fewest: number) {
    this.#settings = transportSettings(options, path, fewest)
    this.#connector = new Connector(this.#settings)
  }

  /** Connections to an endpoint; nothing is connected yet. */
  readonly connect = (endpoint: Endpoint): Connections => {
    const origin = this.#originOf(endpoint)
    const { maxConnections, keepAliveMs, maxAgeMs, http2, maxStreams } = this.#settings
    const pool = new Pool(origin, {
      connections: maxConnections,
      connect: this.#connector.connect,
      allowH2: http2 !== 'never',
      headersTimeout: backstopMs,
      bodyTimeout: backstopMs,
      keepAliveTimeout: keepAliveMs,
      pipelining: 1,
      h2Options: { maxConcurrentStreams: maxStreams, ...(http2 === 'always' ? { useH2c: true } : {}) },
      ...(http2 === 'always' ? { useH2c: true } : {}),
      ...(maxAgeMs === undefined ? {} : { clientTtl: maxAgeMs }),
    })
    return { origin, dispatcher: pool, close: () => pool.close(), destroy: () => pool.destroy() }
  }

  /** Ends what is in the making. The pools belong to those they were made for. */
  close(): void {
    this.#connector.close()
  }

  #originOf({ address, port, scheme }: Endpoint): URL {
    const speaks = scheme ?? (this.#settings.tls === undefined ? 'http' : 'https')
    // A scope names an interface of this machine; a URL has no place for it, and undici connects to what the URL says.
    return new URL(`${speaks}://${authority(address, port)}`)
  }
}
