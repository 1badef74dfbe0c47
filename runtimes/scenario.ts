// A small day of a service, in real time: what a browser page plays with the bundle of core, and a test plays on Node. It
// uses nothing but core and what every JavaScript host has.
import { bulkhead, circuitBreaker, pipeline, retry, SwitchgearError, timeout } from '@switchgear/core'

/** Each thing that happened, in words. */
export type Story = Readonly<Record<string, string>>

/** What `play` must tell. */
export const expected: Story = {
  'retry answers at the third attempt': 'paid after 3 tries',
  'a hanging call is cut and its signal aborted': 'SG_TIMEOUT, aborted',
  'two failures open the circuit': 'open',
  'an open circuit refuses without a run': 'SG_CIRCUIT_OPEN, 0 runs, retry after some ms',
  'a full bulkhead refuses the third': 'SG_BULKHEAD_FULL',
  'the first two are answered': 'first, second',
  'after its open time a success closes it': 'closed after paid',
  'an abort answers with its reason': 'changed my mind',
  'admit drives the same policies': 'permit, attempt, rejection SG_BULKHEAD_FULL',
}

const down = async (): Promise<never> => {
  throw new Error('down')
}
const hang = (): Promise<never> => new Promise(() => {})
const codeOf = async (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => 'no error',
    (error: unknown) => (error instanceof SwitchgearError ? error.code : String(error)),
  )
/** A timer of core's own: a script for any host knows no other. */
const wait = (ms: number): Promise<unknown> => codeOf(pipeline(timeout(ms)).execute(hang))

/**
 * Plays it, in about half a second.
 *
 * @example
 * assert.deepEqual(await play(), expected)
 */
export async function play(): Promise<Story> {
  return { ...(await payment()), ...(await crowd()), ...(await turnedAway()) }
}

async function payment(): Promise<Story> {
  const breaker = circuitBreaker({ consecutiveFailures: 2, openFor: 200, halfOpenCalls: 1, successesToClose: 1 })
  const patient = pipeline(timeout('5s'), retry({ maxAttempts: 3, delay: 5 }), bulkhead(), timeout('2s'))
  let tries = 0
  const paid = await patient.execute(() => (++tries < 3 ? down() : `paid after ${tries} tries`))
  let cut: AbortSignal | undefined
  const late = await codeOf(pipeline(timeout(30)).execute(({ signal }) => ((cut = signal), hang())))
  const charges = pipeline({ name: 'charges' }, retry({ maxAttempts: 2, delay: 1 }), breaker, timeout('1s'))
  await codeOf(charges.execute(down))
  const opened = breaker.state
  let runs = 0
  const refusal = await charges.execute(() => runs++).catch((error: unknown) => error)
  const { code, retryAfterMs = 0 } = refusal as SwitchgearError
  await wait(260)
  const answer = await charges.execute(() => 'paid')
  return {
    'retry answers at the third attempt': paid,
    'a hanging call is cut and its signal aborted': `${late}, ${cut?.aborted === true ? 'aborted' : 'not aborted'}`,
    'two failures open the circuit': opened,
    'an open circuit refuses without a run': `${code}, ${runs} runs, retry after ${retryAfterMs > 0 ? 'some' : 'no'} ms`,
    'after its open time a success closes it': `${breaker.state} after ${answer}`,
  }
}

async function crowd(): Promise<Story> {
  const guarded = pipeline(bulkhead({ maxInFlight: 1, maxQueue: 1 }), timeout('5s'))
  const free = Promise.withResolvers<string>()
  const first = guarded.execute(() => free.promise)
  const second = guarded.execute(() => 'second')
  const third = await codeOf(guarded.execute(() => 'third'))
  free.resolve('first')
  return {
    'a full bulkhead refuses the third': third,
    'the first two are answered': (await Promise.all([first, second])).join(', '),
  }
}

async function turnedAway(): Promise<Story> {
  const controller = new AbortController()
  const answer = pipeline(timeout('5s')).execute(hang, { signal: controller.signal })
  controller.abort('changed my mind')
  const reason = String(await answer.catch((error: unknown) => error))
  const guarded = pipeline(bulkhead({ maxInFlight: 1 }), retry(), circuitBreaker())
  const permit = guarded.admit()
  if (permit.kind !== 'permit') throw permit.error
  const attempt = permit.attempt()
  const refused = guarded.admit()
  const told = refused.kind === 'rejection' ? ` ${(refused.error as SwitchgearError).code}` : ''
  if (attempt.kind === 'attempt') attempt.settle('success')
  permit.exit()
  return {
    'an abort answers with its reason': reason,
    'admit drives the same policies': `${permit.kind}, ${attempt.kind}, ${refused.kind}${told}`,
  }
}
