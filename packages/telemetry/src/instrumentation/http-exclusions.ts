// Servers whose requests are no part of what a service does: telemetry's own ingest, health, administration. Invariant: it
// keeps no server alive.
const excluded = new WeakSet<object>()
/** Most processes exclude none, and then no request has to be looked for. */
let hasAny = false

/**
 * Leaves the requests of a server of node:http, node:https or node:http2 untraced and unmeasured, and what serving them causes.
 *
 * @example
 * excludeServer(admin)
 */
export function excludeServer(server: object): void {
  hasAny = true
  excluded.add(server)
}

/** Whether it was excluded. */
export function isExcludedServer(server: object | undefined): boolean {
  return hasAny && server !== undefined && excluded.has(server)
}
