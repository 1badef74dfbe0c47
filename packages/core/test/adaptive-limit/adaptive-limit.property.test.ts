// The gate over random stories, driven as the kernel drives it: what must hold whatever the load, the latencies, the
// failures, the aborts and the updates are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type AdaptiveLimit, adaptiveLimit } from '../../src/adaptive-limit/adaptive-limit.ts'
import { CallRecord } from '../../src/call.ts'
import { classify, Judge } from '../../src/classify.ts'
import type { Environment } from '../../src/environment.ts'
import type { Outcome, Priority } from '../../src/index.ts'
import { seededRandom, VirtualClock } from '../../src/testing/index.ts'
import { turns } from '../watch.ts'
import { seed } from './backend.ts'

type Step =
  | { readonly kind: 'call'; readonly priority: Priority }
  | { readonly kind: 'end'; readonly pick: number; readonly outcome: Outcome }
  | { readonly kind: 'abort'; readonly pick: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'bounds'; readonly min: number; readonly span: number; readonly maxQueue: number }
  | { readonly kind: 'algorithm'; readonly algorithm: 'aimd' | 'vegas' | 'gradient2' }

const call = fc.record({ kind: fc.constant('call' as const), priority: fc.constantFrom<Priority>(0, 1, 2, 3) })
const end = fc.record({
  kind: fc.constant('end' as const),
  pick: fc.nat(1000),
  outcome: fc.constantFrom<Outcome>('success', 'success', 'success', 'failure', 'ignored'),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: call, weight: 12 },
  { arbitrary: end, weight: 10 },
  { arbitrary: fc.record({ kind: fc.constant('abort' as const), pick: fc.nat(1000) }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(60) }), weight: 5 },
  {
    arbitrary: fc.record({
      kind: fc.constant('bounds' as const),
      min: fc.integer({ min: 1, max: 6 }),
      span: fc.nat(12),
      maxQueue: fc.nat(4),
    }),
    weight: 1,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant('algorithm' as const),
      algorithm: fc.constantFrom('aimd' as const, 'vegas' as const, 'gradient2' as const),
    }),
    weight: 1,
  },
)

class Story {
  readonly clock = new VirtualClock()
  readonly environment: Environment = {
    name: '',
    clock: this.clock,
    random: seededRandom(seed),
    judge: new Judge(classify),
  }
  readonly gate: AdaptiveLimit = adaptiveLimit({ initialLimit: 3, maxLimit: 8, maxQueue: 3, window: 10 })
  bounds = { min: 1, max: 8, maxQueue: 3 }
  running: { readonly call: CallRecord; readonly ticket: number }[] = []
  /** In the order in which they shall go on. */
  waiting: { readonly call: CallRecord; answer: unknown }[] = []
  refused = 0
  readonly seen: Map<string, number>

  constructor(seen: Map<string, number>) {
    this.seen = seen
    this.gate.adopt(this.environment)
  }

  async play(step: Step): Promise<void> {
    if (step.kind === 'call') this.#call(step.priority)
    else if (step.kind === 'end') this.#end(step.pick, step.outcome)
    else if (step.kind === 'pass') this.clock.advanceSync(step.ms)
    else if (step.kind === 'algorithm') this.gate.update({ algorithm: step.algorithm })
    else if (step.kind === 'bounds') {
      const { min, span, maxQueue } = step
      this.bounds = { min, max: min + span, maxQueue }
      this.gate.update({ minLimit: min, maxLimit: min + span, maxQueue })
    } else {
      const who = this.waiting[step.pick % Math.max(1, this.waiting.length)]
      if (who !== undefined) {
        who.call.cut(null, 'ignored', 'aborted')
        this.waiting = this.waiting.filter((other) => other !== who)
        await turns(3)
        assert.equal(who.answer, 'aborted')
        this.#note('aborted')
      }
    }
    await turns(3)
    this.#handedOver()
    this.#check()
  }

  /** Ends everything; nothing must be left. */
  async finish(): Promise<void> {
    while (this.running.length > 0) await this.play({ kind: 'end', pick: 0, outcome: 'ignored' })
    assert.deepEqual([this.waiting.length, this.gate.snapshot().inFlight, this.clock.pending], [0, 0, 0])
  }

  #call(priority: Priority): void {
    const call = new CallRecord(() => undefined, this.environment, { priority }, undefined)
    const hadRoom = this.running.length < this.gate.limit
    const ticket = this.gate.enter(call)
    assert.equal(ticket >= 0, hadRoom, 'admitted if, and only if, fewer are in flight than the limit says')
    if (ticket >= 0) {
      this.running.push({ call, ticket })
      this.#note('admitted')
      return
    }
    const least = this.waiting.at(-1)
    const yields = least !== undefined && least.call.priority > priority
    const mayWait = this.waiting.length < this.bounds.maxQueue || yields
    assert.equal(this.gate.canWait(ticket), mayWait)
    assert.equal(this.gate.refusal(call, -3).refusal, true)
    if (!mayWait) {
      this.refused++
      this.#note('refused')
      return
    }
    if (this.waiting.length >= this.bounds.maxQueue) {
      // The model tells who must go; the gate must have told the same one.
      this.waiting.pop()
      this.displaced = least
      this.refused++
      this.#note('displaced')
    }
    const waiter = { call, answer: undefined as unknown }
    const keep = (answer: unknown): void => void (waiter.answer = answer)
    this.gate.wait(call).then(keep, keep)
    const after = this.waiting.findIndex((other) => other.call.priority > priority)
    this.waiting.splice(after < 0 ? this.waiting.length : after, 0, waiter)
  }
  displaced: { readonly answer: unknown } | undefined = undefined

  #end(pick: number, outcome: Outcome): void {
    const [pass] = this.running.splice(pick % Math.max(1, this.running.length), 1)
    if (pass === undefined) return
    this.gate.settle(pass.call, pass.ticket, outcome)
    this.gate.exit()
    this.#note(outcome)
  }

  /** Those who got a ticket must be the first in line. */
  #handedOver(): void {
    if (this.displaced !== undefined) {
      assert.equal(this.displaced.answer, -3)
      this.displaced = undefined
    }
    for (let next = this.waiting[0]; typeof next?.answer === 'number'; next = this.waiting[0]) {
      assert.ok(next.answer >= 0)
      this.waiting.shift()
      next.call.restart()
      this.running.push({ call: next.call, ticket: next.answer })
      assert.ok(this.running.length <= this.gate.limit, 'no more go on than the limit says')
      this.#note('went on')
    }
    assert.ok(this.waiting.every(({ answer }) => answer === undefined))
  }

  #check(): void {
    const { gate, bounds, running, waiting } = this
    const { inFlight, queued, totals } = gate.snapshot()
    assert.ok(Number.isInteger(gate.limit) && gate.limit >= bounds.min && gate.limit <= bounds.max, `${gate.limit}`)
    assert.deepEqual([inFlight, queued, totals.rejections], [running.length, waiting.length, this.refused])
    assert.ok(waiting.length === 0 || running.length >= gate.limit, 'nobody waits while a slot is free')
  }

  #note(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1)
  }
}

test('over random stories the limit keeps its bounds, is never exceeded by admitting, and no ticket leaks', async () => {
  const seen = new Map<string, number>()
  const property = fc.asyncProperty(fc.array(step, { maxLength: 150, size: 'max' }), async (steps) => {
    const story = new Story(seen)
    for (const step of steps) await story.play(step)
    await story.finish()
  })
  await fc.assert(property, { seed, numRuns: 400 })
  for (const what of ['admitted', 'refused', 'displaced', 'aborted', 'went on', 'success', 'failure', 'ignored']) {
    assert.ok((seen.get(what) ?? 0) >= 100, `${what} only ${seen.get(what)} times`)
  }
})
