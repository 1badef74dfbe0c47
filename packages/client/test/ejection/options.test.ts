import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EjectionOptions, ejectionRules } from '../../src/ejection/index.ts'

test('the defaults are those that the comments promise', () => {
  assert.deepEqual(ejectionRules({}, 'ejection'), {
    consecutiveFailures: 5,
    successRate: { stdevFactor: 1.9, endpoints: 5, calls: 50, gap: 0.05 },
    failureShare: { share: 0.5, endpoints: 2, calls: 20 },
    intervalMs: 10_000,
    baseMs: 30_000,
    maxMs: 300_000,
    jitter: 0.1,
    maxShare: 0.5,
    panicThreshold: 0.5,
    probation: 3,
  })
  assert.equal(ejectionRules({ baseTime: '10m' }, 'ejection').maxMs, 600_000)
})

test('false switches triggers off, one or all', () => {
  const rules = ejectionRules(false, 'ejection')
  assert.deepEqual([rules.consecutiveFailures, rules.successRate, rules.failureShare], [Infinity, undefined, undefined])
  assert.equal(ejectionRules({ successRate: false }, 'ejection').successRate, undefined)
  assert.equal(ejectionRules({ successRate: false }, 'ejection').consecutiveFailures, 5)
})

const wrong: readonly (readonly [EjectionOptions, RegExp])[] = [
  [{ consecutiveFailures: 0 }, /^a\.ejection\.consecutiveFailures must be a whole number in \[1, 1000000\], got 0$/],
  [{ interval: '0ms' }, /^a\.ejection\.interval must be a duration of at least 1 ms/],
  [{ baseTime: '10s', maxTime: '5s' }, /^a\.ejection\.maxTime must be at least baseTime \(10000 ms\), got '5s'$/],
  [{ maxShare: 50 }, /^a\.ejection\.maxShare must be in \[0, 1\], got 50$/],
  [{ panicThreshold: -0.1 }, /^a\.ejection\.panicThreshold must be in \[0, 1\]/],
  [{ jitter: 2 }, /^a\.ejection\.jitter must be in \[0, 1\]/],
  [{ probation: 1.5 }, /^a\.ejection\.probation must be a whole number/],
  [{ successRate: { endpoints: 2 } }, /^a\.ejection\.successRate\.endpoints must be a whole number >= 3, got 2$/],
  [{ successRate: { stdevFactor: 0 } }, /^a\.ejection\.successRate\.stdevFactor must be in \[1, 10\]/],
  [{ failureShare: { endpoints: 1 } }, /^a\.ejection\.failureShare\.endpoints must be a whole number >= 2, got 1$/],
  [{ failureShare: { share: 85 } }, /^a\.ejection\.failureShare\.share must be in \[0, 1\], got 85$/],
  [{ base: '30s' } as EjectionOptions, /^a\.ejection\.base is not an option; known are consecutiveFailures, /],
  [{ successRate: { factor: 2 } } as EjectionOptions, /^a\.ejection\.successRate\.factor is not an option/],
  [true as unknown as EjectionOptions, /^a\.ejection must be an object of options, got true$/],
]

for (const [options, message] of wrong) {
  test(`refuses ${JSON.stringify(options)}`, () => {
    assert.throws(() => ejectionRules(options, 'a.ejection'), { code: 'SG_BAD_OPTIONS', message })
  })
}
