// What `bench:core -- --against` concludes from its rounds: when one more is needed, what counts as worse, and what the table
// says. The measuring itself is not tested here, because machines are noisy; the conclusions must not be.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Change, changeOf, changesAsText, decided, type Round, roundsOf, verdictOf } from '../bench/core/change.ts'

const head = { caseId: 'bulkhead', title: 'bulkhead, success', label: 'switchgear', unit: 'x' } as const

/** One round for each of these changes, at a cost of the ref that varies from round to round. */
const roundsWith = (...changes: number[]): Round[] =>
  changes.map((change, at) => ({ ref: 2 + at / 10, tree: (2 + at / 10) * change }))

test('a change below a tenth is none, in either direction', () => {
  assert.equal(verdictOf(roundsWith(1.02, 0.99, 1.05), 'x'), 'same')
  assert.equal(verdictOf(roundsWith(1.09, 1.09, 1.09), 'x'), 'same')
  assert.equal(verdictOf(roundsWith(0.92, 0.92, 0.92), 'x'), 'same')
})

test('more than a tenth in every round is worse, and less than a tenth better', () => {
  assert.equal(verdictOf(roundsWith(1.12, 1.2, 1.11), 'x'), 'worse')
  assert.equal(verdictOf(roundsWith(0.8, 0.85, 0.7), 'x'), 'better')
})

test('a disturbed round does not decide: the middle stands', () => {
  assert.equal(verdictOf(roundsWith(1.01, 3.5, 0.99), 'x'), 'same')
  assert.equal(verdictOf(roundsWith(1.2, 1.2, 1.2, 1.2, 0.9, 1.2, 1.2, 1.2, 1.2), 'x'), 'worse')
})

test('rounds that contradict each other are unclear, however high their middle', () => {
  assert.equal(verdictOf(roundsWith(1.3, 0.9, 1.3), 'x'), 'unclear')
  assert.equal(verdictOf(roundsWith(1.2, 1.2, 0.8, 1.2, 0.8, 1.2, 1.2, 1.2, 1.2), 'x'), 'unclear')
  assert.equal(verdictOf(roundsWith(0.7, 1.2, 0.7), 'x'), 'unclear')
})

test('bytes below two words decide nothing, whatever share they are', () => {
  assert.equal(verdictOf([{ ref: 20, tree: 32 }], 'B'), 'same')
  assert.equal(verdictOf([{ ref: 176, tree: 208 }], 'B'), 'worse')
  assert.equal(verdictOf([{ ref: 0, tree: 200 }], 'B'), 'worse')
  assert.equal(verdictOf([{ ref: -0.4, tree: 0 }], 'B'), 'same')
})

test('three rounds are enough where nothing changed, a doubt takes nine', () => {
  assert.equal(decided(roundsWith(1, 1), 'x'), false)
  assert.equal(decided(roundsWith(1, 1.01, 0.99), 'x'), true)
  assert.equal(decided(roundsWith(1.07, 1.08, 1.06), 'x'), false)
  assert.equal(decided(roundsWith(0.9, 0.9, 0.9), 'x'), false)
  const { most } = roundsOf('x')
  assert.equal(decided(roundsWith(...Array.from({ length: most - 1 }, () => 1.5)), 'x'), false)
  assert.equal(decided(roundsWith(...Array.from({ length: most }, () => 1.5)), 'x'), true)
})

test('one round is enough for bytes that are the same, a doubt takes three', () => {
  assert.equal(decided([], 'B'), false)
  assert.equal(decided([{ ref: 176, tree: 176 }], 'B'), true)
  assert.equal(decided([{ ref: 176, tree: 240 }], 'B'), false)
  assert.equal(
    decided(
      Array.from({ length: 3 }, () => ({ ref: 176, tree: 240 })),
      'B',
    ),
    true,
  )
})

test('a row holds the medians, the change in the middle and how far single rounds were off', () => {
  const change = changeOf(head, [
    { ref: 2, tree: 2.4 },
    { ref: 4, tree: 6 },
    { ref: 3, tree: 3.3 },
  ])
  const { tree, ref, rounds, verdict } = change
  assert.deepEqual({ tree, ref, rounds, verdict }, { tree: 3.3, ref: 3, rounds: 3, verdict: 'worse' })
  assert.deepEqual(
    [change.min, change.change, change.max].map((ratio) => ratio?.toFixed(3)),
    ['1.100', '1.200', '1.500'],
  )
})

test('the table names what became worse, and marks what the ref does not have', () => {
  const fresh: Change = {
    ...head,
    caseId: 'hedge',
    title: 'hedge, success',
    verdict: 'new',
    tree: 6.5,
    rounds: 1,
    reason: 'core.hedge is not a function',
  }
  const text = changesAsText([changeOf(head, roundsWith(1.5, 1.4, 1.6)), fresh], 'main')
  assert.match(text, /\+50 % +\+40 % \.\. \+60 % +3 {2}worse/)
  assert.match(text, /6\.50 x +new \(core\.hedge is not a function\)/)
  assert.match(text, /Slower or larger than main by more than 10 %:\n {2}bulkhead, success: switchgear, \+50 %\n$/)
})

test('the table says so when nothing became worse', () => {
  const text = changesAsText([changeOf(head, roundsWith(1, 1, 1))], 'main')
  assert.match(text, /None of 1 is slower or larger than main by more than 10 %\.\n$/)
  assert.match(text, /2\.10 x +2\.10 x +0 % +0 % \.\. 0 % +3 {2}same/)
})
