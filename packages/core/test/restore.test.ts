// What a restart keeps: a registry takes over the snapshot of another one, through JSON, for the pipelines that are there and
// for those made later; what does not fit is told and stops nothing.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { circuitBreaker, type PipelineSnapshot, pipeline, Registry, retry, retryBudget, timeout } from '../src/index.ts'
import { VirtualClock } from '../src/testing/index.ts'

const fail = (): Promise<never> => Promise.reject(new Error('down'))
const clone = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

function policies(name?: string): Parameters<Registry['pipeline']>[1][] {
  return [retry({ maxAttempts: 1 }), circuitBreaker({ name }), timeout('1s')]
}

async function afterAnOutage(clock = new VirtualClock()): Promise<Registry> {
  const registry = new Registry({ clock })
  for (const name of ['payments', 'orders']) registry.pipeline(name, ...policies())
  for (let n = 0; n < 5; n++)
    await registry
      .get('payments')
      ?.execute(fail)
      .catch(() => undefined)
  return registry
}

const stateOf = (pipeline: { snapshot(): PipelineSnapshot } | undefined): string | undefined =>
  pipeline?.snapshot().policies.find((policy) => policy.policy === 'circuitBreaker')?.state

describe('a registry after a restart', () => {
  it('still knows the open circuit, for the time that is left of it', async () => {
    const saved = clone((await afterAnOutage()).snapshot())
    const clock = new VirtualClock({ wallOffset: 1_767_225_602_000 })
    const registry = new Registry({ clock })
    registry.pipeline('orders', ...policies())
    registry.restore(saved)
    const payments = registry.pipeline('payments', ...policies())
    assert.deepEqual([stateOf(payments), stateOf(registry.get('orders'))], ['open', 'closed'])
    await assert.rejects(
      payments.execute(() => 1),
      { code: 'SG_CIRCUIT_OPEN', retryAfterMs: 3000 },
    )
    await clock.advance(3000)
    assert.equal(stateOf(payments), 'half-open')
    assert.deepEqual(registry.snapshot().restoreProblems, [])
  })

  it('tells what it could not take over, and takes over the rest', async () => {
    const saved = clone((await afterAnOutage()).snapshot())
    for (const { policies: of } of saved.pipelines) Object.assign(of[0] ?? {}, { version: 99 })
    const registry = new Registry({ clock: new VirtualClock() })
    const payments = registry.pipeline('payments', ...policies())
    registry.restore(saved)
    assert.equal(stateOf(payments), 'open')
    const problem = 'retry: retry.restore: this is not the snapshot of a retry'
    assert.deepEqual(registry.snapshot().restoreProblems, [`payments: ${problem}`])
  })

  it('keeps nothing for more names than it may hold', async () => {
    const saved = clone((await afterAnOutage()).snapshot())
    const registry = new Registry({ clock: new VirtualClock(), max: 1 })
    registry.restore(saved)
    assert.equal(stateOf(registry.pipeline('payments', ...policies())), 'open')
  })

  for (const junk of [null, {}, { pipelines: 'no' }, { pipelines: [null, 1, { name: 'payments' }] }]) {
    it(`takes nothing over from ${JSON.stringify(junk)}`, async () => {
      const registry = await afterAnOutage()
      const before = stateOf(registry.get('payments'))
      const isList = Array.isArray((junk as { pipelines?: unknown } | null)?.pipelines)
      if (isList) registry.restore(junk as never)
      else assert.throws(() => registry.restore(junk as never), { code: 'SG_BAD_OPTIONS' })
      assert.equal(stateOf(registry.get('payments')), before)
    })
  }
})

describe('a policy that pipelines share', () => {
  it('is restored once: what an operator did since is not undone when the next pipeline comes', async () => {
    const clock = new VirtualClock()
    const old = new Registry({ clock })
    const shared = circuitBreaker({ name: 'db' })
    for (const name of ['reads', 'writes']) old.pipeline(name, shared)
    shared.isolate('maintenance')
    const registry = new Registry({ clock })
    registry.restore(clone(old.snapshot()))
    const young = circuitBreaker({ name: 'db' })
    registry.pipeline('reads', young)
    assert.equal(young.state, 'isolated')
    young.release({ to: 'closed' })
    registry.pipeline('writes', young)
    assert.equal(young.state, 'closed')
  })
})

describe('a pipeline that has changed since', () => {
  it('finds its policies by kind and name, wherever they stand now', async () => {
    const clock = new VirtualClock()
    const old = pipeline(
      { clock },
      circuitBreaker({ name: 'a', consecutiveFailures: 1 }),
      circuitBreaker({ name: 'b' }),
    )
    await old.execute(fail).catch(() => undefined)
    const [a, b, c] = ['a', 'b', 'c'].map((name) => circuitBreaker({ name }))
    const young = pipeline({ clock }, timeout('1s'), c as never, b as never, a as never)
    assert.deepEqual(young.restore(clone(old.snapshot())), [])
    assert.deepEqual([a?.state, b?.state, c?.state], ['open', 'closed', 'closed'])
  })
})

describe('a retry after a restart', () => {
  it('has the budget it had, and what a quiet time since has brought', async () => {
    const clock = new VirtualClock()
    const budget = retryBudget({ ratio: 0, minPerSecond: 1 })
    const policy = retry({ budget, delay: 0, jitter: 0, maxAttempts: 11 })
    const answer = pipeline({ clock }, policy).execute(fail)
    const told = assert.rejects(answer, { message: 'down' })
    await clock.advance(1)
    await told
    const saved = clone(policy.snapshot())
    assert.equal(saved.budgetBalance, 0)
    for (const [sinceMs, expected] of [
      [0, 0],
      [4000, 4],
      [3_600_000, 10],
      [-3_600_000, 0],
    ] as const) {
      const later = new VirtualClock({ wallOffset: saved.takenAt + sinceMs })
      const young = retry({ budget: retryBudget({ ratio: 0, minPerSecond: 1 }) })
      pipeline({ clock: later }, young).restore({ name: '', calls: undefined, policies: [saved] })
      assert.equal(young.snapshot().budgetBalance, expected, `${sinceMs} ms later`)
    }
  })
})
