// One service as an application calls it: a path and what `fetch` takes, through the service's policies, to a web-standard
// response. Owns the order of things before the call: check the request, then place it. Invariant: a body that was given is either
// sent or cancelled, whatever happens.
import { type AdmittingPipeline } from '@switchgear/core'
import type { Depot } from './depot.ts'
import { placeCall } from './dispatch/place-call.ts'
import { ResponseCaller } from './dispatch/response-caller.ts'
import type { PeerView } from './endpoints/peer.ts'
import { type ServiceInit, shapeRequest } from './request.ts'

/** A service that can be called. */
export interface Service {
  readonly name: string
  readonly pipeline: AdmittingPipeline
  /** Its endpoints, as they stand now. */
  readonly endpoints: readonly PeerView[]
  /**
   * Sends a request to `path` (with its query) and answers the response as soon as its head is there. The body streams: read
   * it or cancel it, for a long one holds its slot and connection until then.
   *
   * Retried are GET, HEAD, OPTIONS, TRACE, PUT, DELETE and QUERY, and whatever has an `idempotencyKey`; any other method only where
   * nothing of it was sent. A body that comes as a stream is sent again as long as it is not longer than 64 KiB.
   * Redirects are not followed and nothing is decompressed unless the caller asked the service to compress.
   *
   * Rejects with a `SwitchgearError` (`SG_CIRCUIT_OPEN`, `SG_TIMEOUT`, `SG_UNREACHABLE`, ...) or the caller's abort reason.
   *
   * @example
   * const response = await client.service('payments').fetch('/charge', { method: 'POST', body, idempotencyKey: order.id })
   */
  fetch(path: string, init?: ServiceInit): Promise<Response>
}

/** Makes the service of a depot. */
export function createService(depot: Depot): Service {
  const { name, pipeline, peers } = depot.upstream
  return {
    name,
    pipeline,
    get endpoints() {
      return peers.views
    },
    fetch: (path, init = {}) => send(depot, path, init),
  }
}

async function send(depot: Depot, path: string, init: ServiceInit): Promise<Response> {
  const outgoing = await shapeRequest(depot.upstream.name, path, init, depot.mostReplayed)
  const caller = new ResponseCaller(outgoing.method, init.signal)
  placeCall(depot, outgoing, caller, init)
  return caller.response
}
