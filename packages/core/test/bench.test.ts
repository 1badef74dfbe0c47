// A guard against a slow kernel: the benchmark's own measurements, short, against its budgets with slack. It compares
// with the bare call in the same process only, never with nanoseconds, because the machine is not ours.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cases, type Plan } from '../../../bench/core/cases.ts'
import { measure } from '../../../bench/core/run.ts'

/** What a short measurement on a busy machine may be off. */
const slack = 1.5
const plan: Plan = { warmMs: 200, blockMs: 5, pairs: 15, levelMs: 100, idle: 2000 }
/** The rows of the design's budgets, and the cost of a refusal by each gate. The others run with the whole benchmark. */
const guarded = [
  ...['success', 'ratio', 'stack', 'refused', 'bytes', 'stack-bytes', 'idle'],
  ...['bulkhead-refused', 'rate-limit-refused', 'adaptive-limit-refused', 'throttle-refused', 'shed-refused'],
]

for (const { id, title, unit, subjects } of cases.filter(({ id }) => guarded.includes(id))) {
  for (const subject of subjects) {
    const { budget, label } = subject
    if (budget === undefined) continue
    const most = subject.ceiling ?? budget
    test(`${title}: ${label} within ${slack} times ${most} ${unit} (budget ${budget})`, async (t) => {
      const { measured, timers } = await measure(id, subject, plan)
      t.diagnostic(`${measured.toFixed(2)} ${unit}`)
      assert.ok(measured > 0 && measured <= most * slack, `measured ${measured.toFixed(2)} ${unit}`)
      if (timers !== undefined) assert.equal(timers, 0, 'an idle breaker holds no timer')
    })
  }
}
