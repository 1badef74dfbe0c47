// Random lives of a service: whatever its source says, and however late somebody looks, the law holds what the model holds, and
// the promises of discovery are kept at every step.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import fc from 'fast-check'
import { endpoint } from '../../src/endpoint.ts'
import type { RosterView } from '../../src/roster.ts'
import { RosterLaw } from '../../src/roster-law.ts'
import { RosterModel, type Said } from './roster-model.ts'

const seed = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101)
const rules = { absentForMs: 5, emptyForMs: 12, maxEndpoints: 100 }
const ids = ['a', 'b', 'c', 'd', 'A']
/** `a` and `A` are two names of one place. */
const place = (id: string): string => id.toLowerCase()
const at = (id: string) => endpoint({ id, address: `${place(id)}.test`, port: 80 }, id)

type Step =
  | { readonly kind: 'found'; readonly said: Said }
  | { readonly kind: 'failed' }
  | { readonly kind: 'unreachable'; readonly id: string }
  | { readonly kind: 'time'; readonly ticks: number; readonly looks: boolean }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('found' as const),
      said: fc.record({
        ids: fc.subarray(ids),
        complete: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.constant(false)),
        left: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.subarray(ids, { maxLength: 2 })),
      }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('found' as const),
      said: fc.record({ ids: fc.constant([]), complete: fc.boolean(), left: fc.constant([]) }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('failed' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unreachable' as const), id: fc.constantFrom(...ids) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('time' as const), ticks: fc.nat({ max: 15 }), looks: fc.boolean() }),
  },
)

const idsOf = (view: RosterView): string[] => view.entries.map((entry) => entry.endpoint.id).toSorted()

function checkPromises(before: RosterView, after: RosterView, step: Step): void {
  const gone = idsOf(before).filter((id) => !idsOf(after).includes(id))
  if (before !== after) assert.ok(after.version > before.version, 'versions grow with every change')
  else assert.equal(after.version, before.version)
  if (step.kind === 'failed') assert.deepEqual(gone, [], 'a source that is down never shrinks anything')
  if (step.kind === 'failed') assert.equal(after.state, 'stale')
  if (step.kind === 'unreachable') {
    const wasPresent = before.entries.find((entry) => entry.endpoint.id === step.id)?.presence === 'present'
    if (wasPresent) assert.deepEqual(gone, [], 'only an absent one is let go')
    assert.ok(gone.every((id) => id === step.id))
  }
  if (step.kind !== 'found') return
  const { said } = step
  assert.equal(after.state, 'live')
  for (const id of said.ids) {
    const entry = after.entries.find((entry) => entry.endpoint.id === id)
    assert.equal(entry?.presence, 'present', 'whoever is named is present: everything heals')
  }
  for (const id of said.left) if (!said.ids.includes(id)) assert.ok(!idsOf(after).includes(id), 'nobody who left stays')
  const kept = gone.filter((id) => !said.left.includes(id))
  if (!said.complete || said.ids.length === 0) assert.deepEqual(kept, [], 'neither a part nor nothing shrinks at once')
  const places = said.ids.map(place)
  assert.ok(
    kept.every((id) => places.includes(place(id))),
    'absent ones go at once only where their place is taken',
  )
}

function live(steps: readonly Step[]): void {
  const clock = new VirtualClock()
  const law = new RosterLaw('payments', rules, clock)
  const model = new RosterModel(rules.absentForMs, rules.emptyForMs, place)
  for (const step of steps) {
    // What time alone has done is settled first, so that the promises speak of the step.
    if (step.kind === 'time') {
      for (let tick = 0; tick < step.ticks; tick++) {
        const before: { due: number; held: string[] } | undefined = step.looks
          ? { due: law.dueAt, held: idsOf(law.view) }
          : undefined
        clock.advanceSync(1)
        model.tick()
        if (before === undefined) continue
        const shrank: boolean = idsOf(law.view).length < before.held.length
        assert.equal(shrank, before.due <= clock.now(), 'dueAt says when to look')
      }
    } else {
      const before = law.view
      if (step.kind === 'found') {
        const { ids, complete, left } = step.said
        law.found({ endpoints: ids.map(at), complete, left })
        model.found(step.said)
      } else if (step.kind === 'failed') {
        law.failed(new Error('down'))
        model.failed()
      } else {
        law.unreachable(step.id)
        model.unreachable(step.id)
      }
      checkPromises(before, law.view, step)
    }
    assert.equal(law.view.state, model.state)
    assert.deepEqual(idsOf(law.view), [...model.held.keys()].toSorted())
    const absent = law.view.entries.filter((entry) => entry.presence === 'absent').map((entry) => entry.endpoint.id)
    assert.deepEqual(
      absent.toSorted(),
      [...model.held].flatMap(([id, left]) => (left < Infinity ? [id] : [])).toSorted(),
    )
  }
}

test('the law of the roster agrees with the model in every life', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => live(steps)),
    { seed, numRuns: 2000 },
  )
})

test('a failing source keeps everything for ever, and an empty answer empties only after its time', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.subarray(ids, { minLength: 1 }), (steps, named) => {
      const clock = new VirtualClock()
      const law = new RosterLaw('payments', rules, clock)
      for (const step of steps)
        if (step.kind === 'found') law.found({ endpoints: step.said.ids.map(at), complete: true })
      law.found({ endpoints: named.map(at), complete: true })
      law.failed(new Error('down'))
      const held = idsOf(law.view)
      clock.advanceSync(1_000_000)
      assert.deepEqual(idsOf(law.view), held)
      law.found({ endpoints: [], complete: true })
      clock.advanceSync(rules.emptyForMs - 1)
      for (const id of named) law.unreachable(id)
      assert.ok(law.view.entries.length >= 1)
      clock.advanceSync(1)
      assert.deepEqual(law.view.entries, [])
    }),
    { seed, numRuns: 300 },
  )
})
