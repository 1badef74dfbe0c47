// The one interface between a set of endpoints and the ways to choose among them. A balancer sees candidates and answers one; it
// knows nothing of requests, gates or connections. Invariant: it never answers a candidate that was tried already while there is
// another one.

/** What a balancer may know of an endpoint. */
export interface Candidate {
  /** Stable over changes of the set; consistent hashing is by it. */
  readonly id: string
  readonly zone: string | undefined
  /**
   * Its share in relation to others: the configured weight, less while it starts slowly; the configured one at `Infinity`. 0 only
   * where all are 0.
   */
  weight(now: number): number
  /** Calls under way, and what failures are charged as. */
  load(now: number): number
  /** Peak-sensitive moving average of its latency, in milliseconds, with failures charged; 0 while it is unknown. */
  latencyMs(now: number): number
}

/** What is asked for. */
export interface PickRequest<C> {
  /** Monotonic milliseconds. */
  readonly now: number
  /** Calls of one key go to one endpoint, where the balancer hashes. */
  readonly key: string | undefined
  /** Endpoints of earlier and of parallel tries of the same call. */
  readonly tried: readonly C[]
}

/** A way to choose. */
export interface Balancer<C extends Candidate> {
  readonly name: string
  /** Whether calls of one key go to one endpoint. */
  readonly keyed: boolean
  /** The candidates from now on; called when the set has changed, not for each request. */
  update(candidates: readonly C[]): void
  /** One of them, undefined when there is none. Allocates nothing. */
  pick(request: PickRequest<C>): C | undefined
}
