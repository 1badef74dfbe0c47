// A process for `store.long.ts` that adds traces to a store until it is killed, and says after each batch how far it got. Arguments:
// path, maxBytes, the number of the first trace, seed.
import { writeSync } from 'node:fs'
import { seededRandom } from '@switchgear/core/testing'
import { openSpanStore } from '../../src/store/span-store.ts'
import { diceOf } from '../long-run.ts'
import { filled } from './filled.ts'

const [path = '', maxBytes = '', first = '', seed = ''] = process.argv.slice(2)
const store = openSpanStore({
  path,
  maxBytes: Number(maxBytes),
  onProblem: (problem) => void writeSync(1, `problem ${problem.message}\n`),
})
const dice = diceOf(seededRandom(Number(seed)))
writeSync(1, `open ${store.totals.traces}\n`)
for (let trace = Number(first); ;) {
  const next = trace + 1 + dice.below(100)
  const spans = Array.from({ length: next - trace }, (_, n) => filled(trace + n)).flat()
  const { stored } = store.add(spans)
  // Only what was stored whole is acknowledged; the test sees to it that nothing is a duplicate.
  if (stored !== spans.length) writeSync(1, `problem ${stored} of ${spans.length}: ${JSON.stringify(store.totals)}\n`)
  trace = next
  writeSync(1, `until ${trace}\n`)
}
