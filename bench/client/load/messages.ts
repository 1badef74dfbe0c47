// What the processes of the parts under load say to each other.
/** How an endpoint answers. */
export interface EndpointSpec {
  /** It takes from half to one and a half of it, evenly spread. */
  readonly meanMs: number
  /** Requests that it works on at a time; the others wait in line. */
  readonly workers: number
  readonly status: 200 | 503
}

/** What the process of the endpoints is asked for. */
export interface FleetAsk {
  /** The endpoint that dies now. */
  readonly kill?: number
}

/** What it tells. */
export interface FleetAnswer {
  /** By endpoint: requests of measured calls that came in, further tries too. */
  readonly asked: readonly number[]
}

/** What a caller is started with. */
export interface CallerTask {
  /** The id of a way. */
  readonly way: string
  readonly ports: readonly number[]
  readonly method: 'GET' | 'POST'
  /** Arrivals and keys: the same for all that are compared. */
  readonly seed: number
}

/** What a caller is asked for: calls that come by chance, whether or not earlier ones have been answered. */
export interface Offer {
  readonly perSecond: number
  readonly warmMs: number
  /** The calls of this time after the warm-up count. */
  readonly measureMs: number
}

/** What became of the measured calls. */
export interface Heard {
  readonly calls: number
  /** How often, by status or code. */
  readonly failures: Readonly<Record<string, number>>
  /** Of the answered calls, from the time they were due. */
  readonly p50: number
  readonly p99: number
  /** Of all calls. */
  readonly longest: number
  /** How long after it was due a call began, at the 99th percentile: what the machine and the caller itself held up. */
  readonly late99: number
}
