// One request through the pipeline of its service: the body, admission, the tries and the waits between them. Owns the
// permit. Invariant: whatever happens in whatever phase, the permit is exited, and the client gets one answer or a cut
// connection. It must not look into responses; that is the business of a try.
import { idempotentMethods, parseRequestDeadline, type Peer, requestDeadlineHeader } from '@switchgear/client'
import { type Permit, SwitchgearError } from '@switchgear/core'
import { Cut } from './cut.ts'
import { describe, faultOf } from './fault.ts'
import { requestHeaders } from './headers.ts'
import { refusal } from './problem.ts'
import { conclude, type Errand, Try } from './try.ts'
import { declaredLength, mostBuffered, readWhole, Upload } from './upload.ts'

/** Forwards a request. Resolves when the service's part is over; the client may still be reading. */
export async function relay(errand: Errand): Promise<void> {
  try {
    await readBody(errand)
    await admit(errand)
  } catch (error) {
    // The way out of a wait (for the body, in a queue, between tries) is the exchange's signal; the rest is a defect.
    if (!(error instanceof Cut)) throw error
    await conclude(errand, faultOf(error, errand.upstream.name))
  }
}

/** Before admission, because who sends a small body slowly shall hold no permit meanwhile. */
async function readBody(errand: Errand): Promise<void> {
  const { exchange, stallMs } = errand
  const { request, alarm, signal } = exchange
  const length = declaredLength(request)
  if (length === undefined) return
  // Who asks before sending wants to be refused before sending, so that body is not read ahead.
  if (length <= mostBuffered && !exchange.expectsContinue) {
    alarm.setAfter(stallMs, () => exchange.abort(new Cut('client stalled')))
    errand.body = await readWhole(request, signal)
    alarm.clear()
  } else {
    errand.body = new Upload(request, exchange.sendContinue)
  }
}

async function admit(errand: Errand): Promise<void> {
  const { exchange, upstream } = errand
  const { request, signal } = exchange
  const repeatable = idempotentMethods.has(request.method ?? '') || Boolean(request.headers['idempotency-key'])
  // A streamed body is gone once it was sent.
  errand.idempotent = repeatable && !(errand.body instanceof Upload)
  const admitted = await upstream.pipeline.admitAsync({
    signal,
    deadline: exchange.alarm.clock.now() + remainingOf(request.headers[requestDeadlineHeader]),
    idempotent: errand.idempotent,
    scope: exchange.hop.span,
  })
  if (admitted.kind === 'rejection') return refuse(errand, admitted.error)
  try {
    await runTries(errand, admitted)
  } finally {
    admitted.exit()
  }
}

/** A client says how long it waits; that can only shorten what the policies allow. */
function remainingOf(told: string | string[] | undefined): number {
  return (typeof told === 'string' ? parseRequestDeadline(told) : undefined) ?? Infinity
}

async function runTries(errand: Errand, permit: Permit): Promise<void> {
  const { exchange } = errand
  const length = errand.body instanceof Upload ? declaredLength(exchange.request) : undefined
  errand.headers = requestHeaders(exchange.request, exchange.origin(), length)
  const tried: Peer[] = []
  for (;;) {
    // A disconnect while the promise of the admission was on its way: nothing has heard of it yet.
    exchange.signal.throwIfAborted()
    // Before the gates of the try are entered, because nobody may hold them while the first endpoint is waited for.
    const peer = await pick(errand, permit, tried)
    if (peer instanceof SwitchgearError) return refuse(errand, peer)
    tried.push(peer)
    const attempt = permit.attempt()
    if (attempt.kind === 'rejection') return refuse(errand, attempt.error)
    const current = new Try(errand, permit, attempt, peer)
    try {
      const waitMs = await current.run()
      if (waitMs === undefined) return
      await wait(errand, waitMs)
    } finally {
      current.discard()
    }
  }
}

/** The endpoint of the next try. Without any it is waited for, as long as the call may last. */
async function pick(
  { exchange, upstream }: Errand,
  permit: Permit,
  tried: readonly Peer[],
): Promise<Peer | SwitchgearError> {
  const { alarm, signal } = exchange
  const { peers, name } = upstream
  const known = peers.pick(alarm.clock.now(), undefined, tried)
  if (known !== undefined) return known
  let cause: unknown
  try {
    await peers.ready(permit.deadline, signal)
  } catch (error) {
    signal.throwIfAborted()
    cause = error
  }
  const none = new SwitchgearError('SG_NO_ENDPOINT', `No instance of "${name}" is known.`, { pipeline: name, cause })
  return peers.pick(alarm.clock.now(), undefined, tried) ?? none
}

/** The wait between two tries. */
function wait({ exchange: { alarm, signal } }: Errand, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const abort = (): void => {
      alarm.clear()
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    alarm.setAfter(ms, () => {
      signal.removeEventListener('abort', abort)
      resolve()
    })
  })
}

async function refuse(errand: Errand, error: SwitchgearError): Promise<void> {
  const { code, message, cause } = error
  // What discovery says may name addresses: it is for the log, and the message for the client.
  errand.exchange.reason = code === 'SG_NO_ENDPOINT' && cause !== undefined ? describe(cause) : message
  await conclude(errand, { error, problem: refusal(error, errand.upstream.name), replaceable: true })
}
