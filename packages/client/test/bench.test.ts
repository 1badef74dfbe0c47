// A guard against a slow client: the benchmark's own callers, short, against its budget with slack. It compares with bare undici in the
// same process only, never with microseconds, because the machine is not ours.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sideBySide } from '../../../bench/client/cost/side-by-side.ts'
import { subjects as ours } from '../../../bench/client/cost/subjects/switchgear.ts'
import { subjects as undici } from '../../../bench/client/cost/subjects/undici.ts'
import type { Subjects } from '../../../bench/client/cost/work.ts'
import { budget } from '../../../bench/client/report.ts'
import { quantile } from '../../../bench/client/statistics.ts'

/** What a short measurement on a busy machine may be off. */
const slack = 1.5
const plan = { pairs: 15, calls: 300, warmCalls: 3000 }

const named = (subjects: Subjects, variant: string) => {
  const make = subjects[variant]
  if (make === undefined) throw new Error(`there is no '${variant}'`)
  return make
}

for (const [title, subject, bare] of [
  ['under undici request', named(ours, 'request'), named(undici, 'pool')],
  ['at the level of dispatchers', named(ours, 'dispatch'), named(undici, 'dispatch')],
] as const) {
  test(`the dispatcher ${title} within ${slack} times ${budget} x bare undici`, async (t) => {
    const samples = await sideBySide(subject, bare, plan)
    // The lower quartile: other tests that run meanwhile make all dearer, and whoever runs more code the more so.
    const measured = quantile(samples, 0.25)
    t.diagnostic(`${measured.toFixed(2)} x, median ${quantile(samples, 0.5).toFixed(2)} x`)
    assert.ok(measured > 0 && measured <= budget * slack, `measured ${measured.toFixed(2)} x`)
  })
}
