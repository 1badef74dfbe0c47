// The time series of one service, read off its counters at the end of each step.
import { rounded } from './histogram.ts'
import type { ServiceResult } from './result.ts'
import type { Service } from './service.ts'

/** Reads one service. */
export class ServiceLog {
  readonly #service: Service
  readonly #inFlight: number[] = []
  readonly #arrivals: number[] = []
  #received = 0

  constructor(service: Service) {
    this.#service = service
  }

  /** The end of a step. */
  step(): void {
    const { inFlight, received } = this.#service
    this.#inFlight.push(inFlight)
    this.#arrivals.push(received - this.#received)
    this.#received = received
  }

  result(): ServiceResult {
    const { plan, received, refusals, failures, wasted, workMs, wastedMs, maxInFlight } = this.#service
    return {
      name: plan.name,
      received,
      refused: refusals,
      failed: failures,
      wasted,
      workMs: rounded(workMs),
      wastedMs: rounded(wastedMs),
      maxInFlight,
      inFlight: this.#inFlight,
      arrivals: this.#arrivals,
    }
  }
}
