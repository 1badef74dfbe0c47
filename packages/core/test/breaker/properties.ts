// What must hold for every story. The short and the long run share these.
import assert from 'node:assert/strict'
import type { Outcome } from '../../src/index.ts'
import { Duel, type Pair, type Running } from './duel.ts'
import type { Step, Story } from './story.ts'

/** The breaker does what the model does, late results change nothing, and in the end no permit is missing. */
export function agrees(story: Story, seen?: Map<string, number>): void {
  const duel = new Duel(story, seen)
  for (const step of story.steps) duel.step(step)
  duel.compare()
  staleChangesNothing(duel)
  while (duel.running.length > 0) duel.exit(duel.running[0])
  duel.compare()
  nothingLeaked(duel)
}

/** The same through `pipeline().execute`, with calls that can be aborted or with calls that share one pass. */
export async function agreesPiped(story: Story, aborts: boolean, seen?: Map<string, number>): Promise<void> {
  const duel = new PipedDuel(story, aborts, seen)
  for (const step of story.steps) {
    duel.step(step)
    await turns()
  }
  duel.compare()
  while (duel.running.length > 0) {
    duel.exit(duel.running[0])
    await turns()
  }
  duel.compare()
  nothingLeaked(duel)
}

/** The kernel learns a result a few turns after the function has ended. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await undefined
}

/** Looking all the time, also in the middle of a wait, changes no transition, no time and no total. */
export function lookingChangesNothing(story: Story): void {
  const [seldom, often] = [new Duel(story), new Duel(story)]
  for (const step of story.steps) {
    if (step.do === 'look') continue
    // One chance for all, because whoever looks earlier also asks it earlier.
    const same = 'chance' in step ? { ...step, chance: 0.25 } : step
    for (const duel of [seldom, often]) duel.rig.chance = 0.25
    seldom.step(same)
    if (same.do === 'edge' || same.do === 'advance') lookOften(often, seldom.now)
    else often.step(same)
    void often.rig.state
  }
  assert.deepEqual(often.rig.snapshot, seldom.rig.snapshot)
  assert.deepEqual(often.rig.transitions, seldom.rig.transitions)
}

/** Walks a breaker to `until` and looks on the way, at the moments when something changes as well as elsewhere. */
function lookOften({ rig, model }: Duel, until: number): void {
  for (let guard = 0; rig.clock.now() < until; guard++) {
    const left = until - rig.clock.now()
    model.look(rig.clock.now(), rig.chance)
    const due = model.due - rig.clock.now()
    rig.clock.advanceSync(guard > 50 ? left : Math.min(left, due, left / 3 > 1 ? left / 3 : left))
    void rig.state
    void rig.snapshot
  }
}

/** Every call that runs since an earlier generation fails now, late; only the totals may show it. */
function staleChangesNothing(duel: Duel): void {
  const { rig, model } = duel
  const stale = duel.running.filter(({ ticket }) => ticket.phase !== model.phase)
  const { totals: _before, ...before } = rig.snapshot
  for (const pair of stale) duel.settle(pair, 'failure')
  const { totals: _after, ...after } = rig.snapshot
  assert.deepEqual(after, before)
}

/** With no call left, the next half-open phase has all its slots, again and again, and no more than those. */
function nothingLeaked({ rig, model }: Duel): void {
  assert.equal(rig.snapshot.probesInFlight, 0)
  assert.equal(rig.clock.pending, 0)
  rig.breaker.update({ mode: 'protect', slowCallDuration: '1h' })
  rig.breaker.isolate('the end')
  rig.breaker.release()
  for (let round = 0; round < 2; round++) {
    const probes = Array.from({ length: model.options.halfOpenCalls }, () => rig.begin())
    rig.refused()
    for (const probe of probes) probe.end('ignored')
    assert.deepEqual([rig.state, rig.snapshot.probesInFlight], ['half-open', 0])
  }
}

/** Enters by `execute`; a call settles when its function ends, and that is its exit, too. */
class PipedDuel extends Duel {
  readonly #aborts: boolean

  constructor(story: Story, aborts: boolean, seen?: Map<string, number>) {
    super(story, seen)
    this.#aborts = aborts
  }

  override step(step: Step): void {
    if (step.do === 'settle') super.step({ ...step, do: 'end' })
    else super.step(step)
  }

  /** Without a signal nobody can abort: then the call succeeds instead. */
  override settle(pair: Pair | undefined, outcome: Outcome): void {
    super.settle(pair, outcome === 'ignored' && !this.#aborts ? 'success' : outcome)
  }

  protected override admit(): Running | undefined {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const controller = new AbortController()
    let ran = false
    const run = (): Promise<string> => {
      ran = true
      return promise
    }
    const answer = this.rig.payments.execute(run, this.#aborts ? { signal: controller.signal } : undefined)
    // What the caller gets is tested elsewhere; here nobody waits for it.
    answer.catch(() => undefined)
    if (!ran) return undefined
    return {
      settle: (outcome) => {
        if (outcome === 'success') resolve('up')
        else if (outcome === 'failure') reject(new Error('down'))
        else controller.abort()
      },
      exit: () => undefined,
    }
  }
}
