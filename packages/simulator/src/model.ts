// What is simulated: services with their own work, capacity and calls, the load on them, and what goes wrong when. Plain
// data, as it stands under `simulation` in switchgear.yaml; it holds no behaviour and no defaults.
import type { Duration } from '@switchgear/core'

/** How long something takes: always the same, log-normal, uniform or exponential. */
export type Latency =
  | Duration
  | { readonly median: Duration; readonly p99: Duration }
  | { readonly min: Duration; readonly max: Duration }
  | { readonly mean: Duration }

/** One service. All of it is per instance, and everything has a default. */
export interface ServiceModel {
  /** Default 1. */
  readonly instances?: number | undefined
  /** Its own work for one request, without the calls it makes. Default { median: '20ms', p99: '100ms' }. */
  readonly latency?: Latency | undefined
  /** Requests that one instance works on at once; a request that waits for its own calls counts. Default 100. */
  readonly concurrency?: number | undefined
  /** Requests that wait at one instance at most; further ones are refused at once. Default 1000. */
  readonly queue?: number | undefined
  /** Share of requests that fail although all is well, in [0, 1]. Default 0. */
  readonly failureRatio?: number | undefined
  /** Whether it stops working on a request whose caller gave up. Default false: the work is done and wasted. */
  readonly cancels?: boolean | undefined
  /** What it calls for each request, in this order, after its own work. */
  readonly calls?: readonly CallModel[] | undefined
  /** The policies of this service guard the calls to it. Default its own name. */
  readonly guardedAs?: string | undefined
}

/** A call that a service makes for each of its requests. */
export interface CallModel {
  /** Name of the service that it calls, under the policies of that name. */
  readonly to: string
  /** Share of requests that make this call, in [0, 1]. Default 1. */
  readonly probability?: number | undefined
  /** Whether a failure of the call is a failure of the request. Default true. */
  readonly required?: boolean | undefined
}

/** Requests from outside. Give `rate` (open loop: they come whatever happens) or `users` (closed loop), not both. */
export interface LoadModel {
  /** The service that they arrive at. */
  readonly to: string
  /** Requests a second, at random moments (Poisson). */
  readonly rate?: number | undefined
  /** Users who send, wait for the answer, think, and send again. */
  readonly users?: number | undefined
  /** What a user does between an answer and the next request. Default { mean: '1s' }. */
  readonly thinkTime?: Latency | undefined
  /** When a user gives up on an answer. Default '10s'. */
  readonly patience?: Duration | undefined
  /** How often a user tries again at once after a failure; real ones do. Default 0. */
  readonly userRetries?: number | undefined
  /** The rate, or the number of users, is multiplied for a while. */
  readonly bursts?: readonly { readonly at: Duration; readonly for: Duration; readonly factor: number }[] | undefined
}

/**
 * What goes wrong with a service. `dies`: connections are refused at once. `hangs`: no answer, ever. `slows`: its work takes
 * `factor` times as long. `fails`: a share of `ratio` answers an error after the usual time. `trickles`: its caller reads so
 * slowly that each request occupies the instance for `hold` longer, although it is answered.
 */
export type Fault =
  | { readonly kind: 'dies' }
  | { readonly kind: 'hangs' }
  | { readonly kind: 'slows'; readonly factor: number }
  | { readonly kind: 'fails'; readonly ratio: number }
  | { readonly kind: 'trickles'; readonly hold: Duration }

/** A fault, where and when. */
export interface FaultModel {
  readonly service: string
  readonly fault: Fault
  readonly at: Duration
  readonly for: Duration
  /** How many instances, the first ones; a number below 1 is a share of them. Default all. */
  readonly instances?: number | undefined
  /** Comes and goes: on for so long, then off for as long. Default: stays on. */
  readonly every?: Duration | undefined
}

/** One outage to play. */
export interface ScenarioModel {
  /** One line for a person. */
  readonly title?: string | undefined
  /** Why it is worth playing, in a sentence or two for a person. */
  readonly reason?: string | undefined
  /** How long is played. Default '60s'. */
  readonly duration?: Duration | undefined
  readonly faults?: readonly FaultModel[] | undefined
  /** Instead of the model's load. */
  readonly load?: readonly LoadModel[] | undefined
  /** Laid over the model's services, key by key within each service; others are added. */
  readonly services?: Readonly<Record<string, ServiceModel>> | undefined
}

/** Everything under `simulation`. */
export interface SimulationModel {
  readonly services: Readonly<Record<string, ServiceModel>>
  readonly load: readonly LoadModel[]
  /** Own scenarios by name; the built-in ones are there anyway. */
  readonly scenarios?: Readonly<Record<string, ScenarioModel>> | undefined
}
