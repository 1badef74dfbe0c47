// One service as an application calls it: a path and what `fetch` takes, through the service's policies, to a web-standard
// response. Owns the order of things around the pipeline: check the request, deliver it, else let the fallback answer.
// Invariant: a body that was given is either sent or cancelled, whatever happens.
import { type AdmittingPipeline, type CallOptions } from '@switchgear/core'
import { Hop } from '@switchgear/telemetry'
import { type Depot, deliver } from './delivery.ts'
import { closedError, errorCodeOf } from './errors.ts'
import { type ServiceInit, type Outgoing, shapeRequest } from './request.ts'

/** A service that can be called. */
export interface Service {
  readonly name: string
  readonly pipeline: AdmittingPipeline
  /**
   * Sends a request to `path` (with its query) and answers the response as soon as its head is there. The body streams: read
   * it or cancel it, for a long one holds its slot and connection until then.
   *
   * Retried are GET, HEAD, OPTIONS, TRACE, PUT and DELETE, and whatever has an `idempotencyKey`; never a streamed body.
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
  const { name, pipeline } = depot.upstream
  return { name, pipeline, fetch: (path, init = {}) => send(depot, path, init) }
}

async function send(depot: Depot, path: string, init: ServiceInit): Promise<Response> {
  const { name } = depot.upstream
  const outgoing = await shapeRequest(name, path, init)
  const { signal, deadline, key, priority } = init
  const { traceparent, tracestate } = outgoing.trace
  const hop = Hop.called(name, (header) => (header === 'traceparent' ? traceparent : tracestate))
  try {
    signal?.throwIfAborted()
    if (depot.closed) throw closedError(name)
    return await answer(depot, outgoing, { signal, deadline, key, priority, idempotent: outgoing.idempotent }, hop)
  } catch (error) {
    // Where a response came and its body is still to be read, the call ends with that.
    hop.end(signal?.aborted === true ? 'ignored' : 'failure', error)
    outgoing.source?.destroy()
    throw error
  }
}

async function answer(depot: Depot, outgoing: Outgoing, options: CallOptions, hop: Hop): Promise<Response> {
  const { clock, upstream } = depot
  const { fallback } = upstream
  const ended = await deliver(depot, outgoing, options, hop)
  if (ended.kind === 'arrival' && ended.outcome !== 'failure') {
    return ended.respond(fallback?.record(outgoing, ended.head, clock.now()))
  }
  const instead = ended.kind === 'arrival' || ended.replaceable ? fallback?.answer(outgoing, clock.now()) : undefined
  if (instead !== undefined) {
    const cause = ended.kind === 'loss' ? errorCodeOf(ended.error) : String(ended.head.status)
    hop.fellBack(fallback?.name ?? '', cause)
    if (ended.kind === 'arrival') ended.discard()
    outgoing.source?.destroy()
    hop.end('success')
    return instead
  }
  if (ended.kind === 'loss') throw ended.error
  return ended.respond()
}
