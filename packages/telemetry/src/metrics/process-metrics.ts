// What Node tells of the process: CPU, memory, event loop, garbage collection, as prom-client collects it. It observes for as
// long as the process lives and cannot be stopped, so there is at most one of it, made when first wanted.
import { collectDefaultMetrics, Registry as PromRegistry } from 'prom-client'

let made: PromRegistry | undefined

/** The registry of the process's own metrics (`process_cpu_seconds_total`, `nodejs_eventloop_lag_seconds`, …). */
export function processMetrics(): PromRegistry {
  if (made === undefined) {
    made = new PromRegistry()
    collectDefaultMetrics({ register: made })
  }
  return made
}
