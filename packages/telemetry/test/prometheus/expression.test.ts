import assert from 'node:assert/strict'
import { it } from 'node:test'
import { namesIn } from './expression.ts'

const cases: readonly [string, string[], string[]][] = [
  ['up', ['up:'], []],
  ['sum by (job, le) (rate(a_bucket{x="1",y=~"b|c(d)"}[5m]))', ['a_bucket:x,y'], ['job', 'le']],
  ['a_total > bool 0 unless on (job) b{z!="}"} offset 5m', ['a_total:', 'b:z'], ['job']],
  ['1 - rule:a:ratio_rate5m / on (x) group_left () (2e3 * b)', ['rule:a:ratio_rate5m:', 'b:'], ['x']],
  ['histogram_quantile(0.99, sum(rate(a[$__interval])) without (pod)) or vector(0)', ['a:'], ['pod']],
  ['a == 0 and b{} != inf', ['a:', 'b:'], []],
]

for (const [expression, selectors, groupings] of cases) {
  it(`finds the names in ${expression}`, () => {
    const found = namesIn(expression)
    assert.deepEqual(
      found.selectors.map(({ metric, labels }) => `${metric}:${labels.join()}`),
      selectors,
    )
    assert.deepEqual(found.groupings, groupings)
  })
}
