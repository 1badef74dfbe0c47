import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import {
  defaultModel,
  type Guards,
  pipelineGuards,
  play,
  type Policies,
  type SimulationResult,
  unguarded,
} from '@switchgear/simulator'

const model = defaultModel(['payments', 'orders'])
const policies: Policies = {
  payments: {
    policies: [
      { timeout: '2s' },
      { retry: { maxAttempts: 3, delay: '50ms', backoff: 'decorrelated' } },
      { circuitBreaker: 'recommended' },
      { timeout: '300ms' },
    ],
  },
  orders: { classify: 'http', policies: [{ fallback: { value: null } }, { circuitBreaker: {} }] },
}
const text = ({ cost, ...result }: SimulationResult): string => {
  assert.ok(cost.events > 0 && cost.realMs > 0 && cost.heapBytes > 0)
  return JSON.stringify(result)
}

test('the same seed gives the same result to the last byte, another seed another one', async () => {
  const options = { model, scenario: 'payments-flaps', policies }
  const first = text(await play(options))
  const [second, beside] = await Promise.all([play(options), play(options)])
  assert.equal(text(second), first)
  assert.equal(text(beside), first)
  assert.notEqual(text(await play({ ...options, seed: 2 })), first)
})

test('another policy meets the same load', async () => {
  const offered = async (chosen: Policies): Promise<readonly number[]> =>
    (await play({ model, scenario: 'payments-hangs', policies: chosen })).series.offered
  assert.deepEqual(await offered(policies), await offered({}))
})

test('looking at the progress changes nothing', async () => {
  const options = { model, scenario: 'payments-dies', policies }
  const seen: number[] = []
  const watched = await play({ ...options, onProgress: (ms) => seen.push(ms) })
  assert.equal(text(watched), text(await play(options)))
  assert.equal(seen.length, 120)
  assert.equal(seen.at(-1), 120_000)
})

test('pipelines as guards are the same as policies', async () => {
  const options = { model, scenario: 'payments-half-dies' }
  assert.equal(
    text(await play({ ...options, policies })),
    text(await play({ ...options, guards: pipelineGuards(policies) })),
  )
  assert.equal(text(await play(options)), text(await play({ ...options, guards: unguarded })))
})

test('a guard is made once for each caller instance and called service, when it first calls', async () => {
  const made: string[] = []
  const guards: Guards = (to, from, environment) => {
    made.push(`${from.service} ${from.instance} -> ${to}`)
    assert.ok(environment.random() < 1 && environment.clock.now() > 0)
    return unguarded(to, from, environment)
  }
  const { breakers } = await play({ model, scenario: 'payments-slows', guards })
  assert.deepEqual(made.toSorted(), ['app 0 -> orders', 'app 0 -> payments', 'app 1 -> orders', 'app 1 -> payments'])
  assert.deepEqual(breakers, [])
})

test('a fallback is a good answer', async () => {
  const { totals } = await play({ model, scenario: 'orders-dies', policies })
  assert.equal(totals.goodShare, 1)
})

test('an abort ends it with the reason, before and in the middle', async () => {
  const reason = new Error('enough')
  const options = { model, scenario: 'payments-dies', policies }
  await assert.rejects(play({ ...options, signal: AbortSignal.abort(reason) }), reason)
  const controller = new AbortController()
  const scenario = { duration: '24h' }
  const playing = play({ model, scenario, signal: controller.signal, onProgress: () => controller.abort(reason) })
  await assert.rejects(playing, reason)
})

test('an error of the code itself reaches the caller', async () => {
  const options = { model, scenario: 'payments-dies' }
  const broken: Guards = () => ({
    call: () => Promise.reject(new TypeError('not a function')),
  })
  await assert.rejects(play({ ...options, guards: broken }), TypeError)
  const throwing: Guards = () => {
    throw new Error('no such guard')
  }
  await assert.rejects(play({ ...options, guards: throwing }), /no such guard/)
  const late: Guards = (to, from, environment) => {
    environment.clock.setTimer(() => {
      throw new Error('in a timer')
    }, 100)
    return unguarded(to, from, environment)
  }
  await assert.rejects(play({ ...options, guards: late }), /in a timer/)
  const stopping = (): void => {
    throw new Error('in progress')
  }
  await assert.rejects(play({ ...options, onProgress: stopping }), /in progress/)
})

test('a process that has played ends by itself', () => {
  const code = `
    import { defaultModel, play } from '@switchgear/simulator'
    const policies = { payments: { policies: [{ circuitBreaker: {} }, { timeout: '30s' }] } }
    await play({ model: defaultModel(['payments']), scenario: 'payments-hangs', policies })
    console.log(process.getActiveResourcesInfo().filter((one) => one === 'Timeout' || one === 'Immediate').length)`
  const args = ['--conditions=@switchgear/source', '--input-type=module', '--eval', code]
  const printed = execFileSync(process.execPath, args, { cwd: import.meta.dirname, timeout: 60_000, encoding: 'utf8' })
  assert.equal(printed.trim(), '0')
})
