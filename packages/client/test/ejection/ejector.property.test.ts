// The machine against a model that keeps the whole history of every endpoint and works out from it, at each step, who must be out.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from '@switchgear/core'
import * as fc from 'fast-check'
import { Rig } from './rig.ts'

const seed = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101)
const size = 6
const baseMs = 30_000
const maxMs = 100_000
const intervalMs = 10_000

type Step =
  | { readonly type: 'call'; readonly who: number; readonly outcome: Outcome; readonly times: number }
  | { readonly type: 'begin'; readonly who: number }
  | { readonly type: 'end'; readonly outcome: Outcome }
  | { readonly type: 'pass'; readonly ms: number }
  | { readonly type: 'members'; readonly mask: number }

interface Life {
  /** Results since the last ejection or return. */
  results: ('success' | 'failure')[]
  /** Ejections in a row when it last came or went. */
  times: number
  until: number | undefined
  returnedAt: number | undefined
  changes: number
}

class Model {
  readonly lives: Life[] = Array.from({ length: size }, () => ({
    results: [],
    times: 0,
    until: undefined,
    returnedAt: undefined,
    changes: 0,
  }))
  members: readonly number[] = Array.from({ length: size }, (_, index) => index)
  readonly #maxShare: number
  readonly #probation: number

  constructor(maxShare: number, probation: number) {
    this.#maxShare = maxShare
    this.#probation = probation
  }

  life(who: number): Life {
    const life = this.lives[who]
    assert.ok(life)
    return life
  }

  get out(): readonly number[] {
    return this.members.filter((who) => this.life(who).until !== undefined)
  }

  /** The share, one at least, never all. */
  get most(): number {
    const { length } = this.members
    const byShare = Array.from({ length: length + 1 }, (_, count) => count).findLast(
      (count) => count / length <= this.#maxShare,
    )
    return length < 2 ? 0 : Math.min(length - 1, Math.max(1, byShare ?? 0))
  }

  pass(now: number): void {
    for (const life of this.lives) if (life.until !== undefined && life.until <= now) this.#back(life, life.until)
  }

  set(members: readonly number[], now: number): void {
    this.members = members
    if (members.length === 0 || this.out.length < members.length) return
    const first = members
      .map((who) => this.life(who))
      .toSorted((one, other) => (one.until ?? 0) - (other.until ?? 0))[0]
    if (first !== undefined) this.#back(first, now)
  }

  call(who: number, changes: number, outcome: Outcome, now: number, threshold: number): void {
    const life = this.life(who)
    if (outcome === 'ignored' || !this.members.includes(who) || life.changes !== changes) return
    life.results.push(outcome)
    const inRow = life.results.length - 1 - life.results.findLastIndex((result) => result !== outcome)
    if (life.until !== undefined) {
      if (outcome === 'success' && inRow >= 5) this.#back(life, now)
      return
    }
    const successes = life.results.filter((result) => result === 'success').length
    const onProbation = life.returnedAt !== undefined && successes < this.#probation
    if (outcome === 'success' || (inRow < threshold && !onProbation) || this.out.length >= this.most) return
    const forgiven = Math.floor((now - (life.returnedAt ?? 0)) / intervalMs)
    life.times = Math.min(Math.max(0, life.times - forgiven) + 1, 4)
    life.until = now + Math.min(maxMs, baseMs * life.times)
    life.results = []
    life.changes++
  }

  #back(life: Life, at: number): void {
    life.until = undefined
    life.returnedAt = at
    life.results = []
    life.changes++
  }
}

const who = fc.nat(size - 1)
const outcome = fc.constantFrom<Outcome[]>('success', 'failure', 'failure', 'failure', 'ignored')
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constant('call'), who, outcome, times: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('begin'), who }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('end'), outcome }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('pass'), ms: fc.integer({ min: 1, max: 45_000 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('members'), mask: fc.nat(2 ** size - 1) }) },
)

test('property: what it does is what the history says, one always stays, and a single one is never out', () => {
  const shares = fc.constantFrom(0, 0.3, 0.5, 0.8, 1)
  const program = fc.array(step, { maxLength: 120, size: 'max' })
  let ejections = 0
  let panics = 0
  fc.assert(
    fc.property(shares, shares, fc.nat(4), program, (maxShare, panicThreshold, probation, steps) => {
      const rig = new Rig(size, {
        maxShare,
        panicThreshold,
        probation,
        consecutiveFailures: 3,
        maxTime: maxMs,
        jitter: 0,
        successRate: false,
        failureShare: false,
      })
      const model = new Model(maxShare, probation)
      const open: { who: number; ticket: number; changes: number }[] = []
      for (const each of steps) {
        if (each.type === 'pass') {
          rig.now += each.ms
          // Not told to the machine: it must notice by itself.
          model.pass(rig.now)
        } else if (each.type === 'members') {
          const members = rig.gates.flatMap((_, index) => ((each.mask >> index) & 1 ? [index] : []))
          rig.ejector.update(
            members.map((index) => rig.gate(index)),
            rig.now,
          )
          model.set(members, rig.now)
        } else if (each.type === 'begin') {
          rig.ejector.advance(rig.now)
          open.push({
            who: each.who,
            ticket: rig.gate(each.who).generation,
            changes: model.life(each.who).changes,
          })
        } else if (each.type === 'end') {
          const call = open.shift()
          if (call === undefined) continue
          rig.ejector.learn(rig.gate(call.who), call.ticket, each.outcome, false, rig.now)
          model.call(call.who, call.changes, each.outcome, rig.now, 3)
        } else {
          for (let time = 0; time < each.times; time++) {
            rig.ejector.advance(rig.now)
            rig.calls(each.who, each.outcome)
            model.call(each.who, model.life(each.who).changes, each.outcome, rig.now, 3)
          }
        }
        rig.ejector.advance(rig.now)
        check(rig, model, panicThreshold)
      }
      ejections += rig.told.filter(([what]) => what === 'consecutive-failures' || what === 'probation').length
      panics += rig.ejector.totals.panics
    }),
    { seed, numRuns: 400 },
  )
  // A property that nothing ever happens would hold too.
  assert.ok(ejections > 400, `${ejections} ejections`)
  assert.ok(panics > 20, `${panics} panics`)
})

function check(rig: Rig, model: Model, panicThreshold: number): void {
  const { ejector } = rig
  assert.deepEqual(
    rig.gates.map(({ ejection }) => ejection?.until),
    model.lives.map(({ until }) => until),
  )
  assert.deepEqual(
    rig.gates.map(({ generation }) => generation),
    model.lives.map(({ changes }) => changes),
  )
  const { length } = model.members
  const out = model.out.length
  assert.equal(ejector.ejected, out)
  assert.ok(length === 0 || out < length, 'one always stays')
  assert.equal(ejector.isPanicking, out >= 2 && (length - out) / length < panicThreshold)
  assert.equal(ejector.dueAt, Math.min(...model.lives.map(({ until }) => until ?? Infinity)))
  const { ejections, returns } = ejector.totals
  const all = Object.values(ejections).reduce((sum, count) => sum + count, 0)
  assert.equal(all - returns, rig.out.length)
}
