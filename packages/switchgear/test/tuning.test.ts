// Tuning: the grammar of goals, the space of policies, the search on objectives whose best is known, and that no goal is
// claimed which unseen seeds do not hold.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { standardPolicies } from '@switchgear/client'
import { checkConfig, parseConfig } from '@switchgear/config'
import { fromSpec, parseDuration, type PolicySpec } from '@switchgear/core'
import { seededRandom } from '@switchgear/core/testing'
import type { SimulationResult } from '@switchgear/simulator'
import { measured, parseGoal, shortfall } from '../src/tuning/goal.ts'
import { choiceKnob, countKnob, durationKnob, shareKnob } from '../src/tuning/knob.ts'
import { isBetter, scoreOf, sum } from '../src/tuning/score.ts'
import { search } from '../src/tuning/search.ts'
import { type Point, spaceOf } from '../src/tuning/space.ts'
import { study, validationPlays } from '../src/tuning/study.ts'
import { asYaml, gains, verdicts } from '../src/tuning/verdict.ts'
import { guardedResult, unguardedResult } from './fixture.ts'

test('goals are understood', () => {
  const cases: [string, string, string, string, number, string | undefined][] = [
    ['goodput >= 0.95', 'goodput', 'all', '>=', 0.95, undefined],
    ['goodput>=95%', 'goodput', 'all', '>=', 0.95, undefined],
    ['  p99   during <= 300ms ', 'p99', 'during', '<=', 300, undefined],
    ['p99 ≤ 1.5 s', 'p99', 'all', '<=', 1500, undefined],
    ['P50 <= 20', 'p50', 'all', '<=', 20, undefined],
    ['goodput after >= 99 % in payments-dies', 'goodput', 'after', '>=', 0.99, 'payments-dies'],
    ['inflight <= 500', 'inFlight', 'all', '<=', 500, undefined],
    ['attempts during <= 1.2', 'attempts', 'during', '<=', 1.2, undefined],
    ['recover <= 10s', 'recover', 'all', '<=', 10_000, undefined],
  ]
  for (const [text, measure, part, relation, bound, scenario] of cases) {
    const { text: said, ...goal } = parseGoal(text)
    assert.deepEqual(goal, { measure, part, relation, bound, scenario }, text)
    assert.equal(said, text.trim().replaceAll(/\s+/g, ' '))
  }
})

test('a goal that cannot be understood is told why', () => {
  const cases: [string, RegExp][] = [
    ['', /is no goal; expected one like/],
    ['goodput', /is no goal/],
    ['goodput = 95%', /is no goal/],
    ['goodputt >= 95%', /'goodputt' is no measure, did you mean goodput\?/],
    ['speed >= 95%', /'speed' is no measure/],
    ['goodput >= 95', /expected a share such as 0.95 or 95%, got '95'/],
    ['goodput >= 950%', /expected a share/],
    ['p99 <= 300 parsecs', /expected a duration such as '300ms', got '300parsecs'/],
    ['p99 <= 5%', /expected a duration/],
    ['p99 after <= 300ms', /p99 is not measured 'after'/],
    ['recover during <= 3s', /recover is not measured 'during'/],
    ['inFlight <= 50%', /expected a number/],
    ['attempts <= 1.2.3', /expected a number/],
    ['toString >= 1', /is no measure/],
  ]
  for (const [text, message] of cases) assert.throws(() => parseGoal(text), { name: 'UsageError', message }, text)
})

test('a shortfall is 0 where the goal holds, grows with the distance and stays below 1', () => {
  const p99 = (ms: number | undefined): SimulationResult => ({
    ...guardedResult,
    totals: { ...guardedResult.totals, latency: { ...guardedResult.totals.latency, p99: ms } },
  })
  const goal = parseGoal('p99 <= 300ms')
  assert.deepEqual(
    [0, 300].map((ms) => shortfall(goal, p99(ms))),
    [0, 0],
  )
  assert.equal(shortfall(goal, p99(600)), 0.5)
  assert.ok(shortfall(goal, p99(60_000)) > shortfall(goal, p99(3000)) && shortfall(goal, p99(60_000)) < 1)
  assert.equal(shortfall(goal, p99(undefined)), 1)
  assert.equal(
    shortfall(parseGoal('goodput >= 50%'), { ...guardedResult, totals: { ...guardedResult.totals, goodShare: 0.25 } }),
    0.5,
  )
  assert.equal(shortfall(parseGoal('p99 <= 1ms in overload'), p99(600)), 0)
})

test('what never happened holds no goal, unless there was no outage', () => {
  const goal = parseGoal('detect <= 5s')
  assert.equal(shortfall(goal, guardedResult), 0)
  assert.equal(shortfall(goal, unguardedResult), 1)
  assert.equal(shortfall(goal, { ...unguardedResult, outages: [] }), 0)
  assert.equal(
    measured(parseGoal('goodput during >= 1%'), { ...guardedResult, outages: [] }),
    guardedResult.totals.goodShare,
  )
})

test('missed goals outweigh every merit, and scores add up', () => {
  assert.equal(isBetter({ missed: 0, merit: -9 }, { missed: 0.1, merit: 9 }), true)
  assert.equal(isBetter({ missed: 0, merit: 1 }, { missed: 0, merit: 2 }), false)
  assert.equal(isBetter({ missed: 0, merit: 1 }, { missed: 1e-12, merit: 1 }), false)
  assert.deepEqual(sum({ missed: 1, merit: 2 }, { missed: 3, merit: 4 }), { missed: 4, merit: 6 })
  const goals = [parseGoal('p99 <= 200ms')]
  assert.ok(isBetter(scoreOf(guardedResult, goals), scoreOf(unguardedResult, goals)))
})

test('knobs give values that a person would write, and find their place again', () => {
  const time = durationKnob('timeout', 10, 10_000)
  assert.deepEqual(
    [0, 0.5, 1, 2].map((at) => time.value(at)),
    ['10ms', '320ms', '10s', '10s'],
  )
  assert.equal(time.value(time.place('1.5s')), '1.5s')
  assert.equal(time.value(time.place('1h')), '10s')
  const number = countKnob('count', 2, 1000)
  assert.equal(number.value(number.place(64)), 64)
  const part = shareKnob('share', 0.1, 0.9)
  assert.deepEqual(
    [0, 0.5, 1].map((at) => part.value(at)),
    [0.1, 0.5, 0.9],
  )
  const choice = choiceKnob('choice', [true, false])
  assert.deepEqual(
    [0, 0.49, 0.51, 1].map((at) => choice.value(at)),
    [true, true, false, false],
  )
  assert.equal(choice.value(choice.place(false)), false)
})

test('the present point stands for the present policies', () => {
  const policies: PolicySpec[] = [
    { bulkhead: { maxInFlight: 40, maxQueue: 10, name: 'slots' } },
    { timeout: { after: '2s', name: 'total' } },
    { retry: { maxAttempts: 2, delay: '50ms', jitter: 1 } },
    { circuitBreaker: { consecutiveFailures: 7, openFor: '4s', mode: 'observe' } },
    { timeout: '800ms' },
    { fallback: { value: 'x' } },
  ]
  const space = spaceOf(policies)
  assert.deepEqual(space.policies(space.present), policies)
  assert.deepEqual(
    spaceOf([{ circuitBreaker: 'critical' }]).policies(spaceOf([{ circuitBreaker: 'critical' }]).present),
    [{ circuitBreaker: { consecutiveFailures: 5, openFor: '15s' } }],
  )
})

test('every point of the space is a valid configuration in which each timeout can pass first', () => {
  const stacks: (readonly PolicySpec[])[] = [
    standardPolicies,
    [{ circuitBreaker: 'recommended' }, { timeout: 500 }],
    [
      { circuitBreaker: { window: 20, failureRatio: 0.5, openFor: '5s', openForMax: '10s', openForFactor: 2 } },
      { timeout: '1s' },
    ],
  ]
  const random = seededRandom(7)
  for (const stack of stacks) {
    const space = spaceOf(stack)
    for (let round = 0; round < 300; round++) {
      const policies = space.policies(space.present.map(() => random()))
      fromSpec({ policies })
      const text = asYaml('payments', policies).replace('policies:', 'endpoints: ["http://127.0.0.1:1"]\n    policies:')
      const config = parseConfig(text)
      assert.deepEqual(config.services.payments?.policies, policies)
      const ids = checkConfig(config).map(({ id }) => id)
      assert.ok(!ids.includes('attempt-timeout-over-total'), text)
    }
  }
})

test('the guesses aim below the latency that is wanted', () => {
  for (const point of spaceOf(standardPolicies).guesses(300)) {
    for (const spec of spaceOf(standardPolicies).policies(point)) {
      if ('timeout' in spec && typeof spec.timeout === 'object')
        assert.ok(parseDuration(spec.timeout.after, 'after') <= 300)
    }
  }
})

/** A bowl with its lowest point at `centre`; a play costs 1. */
function bowl(centre: Point) {
  return async (point: Point) => {
    const distance = Math.hypot(...point.map((place, index) => place - (centre[index] ?? 0)))
    return { score: { missed: Math.max(0, distance - 0.15), merit: -distance }, cost: 1 }
  }
}

test('the search finds the bottom of a bowl in six dimensions, from far away', async () => {
  const centre = [0.9, 0.1, 0.7, 0.3, 0.8, 0.2]
  for (const seed of [1, 2, 3]) {
    const [best] = await search({
      starts: [[0, 1, 0, 1, 0, 1]],
      trial: bowl(centre),
      budget: 400,
      random: seededRandom(seed),
    })
    assert.equal(best?.score.missed, 0, `seed ${seed}`)
  }
})

test('the same seed searches the same way, another seed another way', async () => {
  const run = async (seed: number) =>
    search({ starts: [[0.5, 0.5, 0.5]], trial: bowl([0.2, 0.9, 0.4]), budget: 50, random: seededRandom(seed) })
  assert.deepEqual(await run(5), await run(5))
  assert.notDeepEqual(await run(5), await run(6))
})

test('the budget is kept, and a search in which nothing is new ends', async () => {
  let plays = 0
  const counting = async (point: Point) => {
    plays++
    return bowl([0.5])(point)
  }
  await search({ starts: [[0], [1]], trial: counting, budget: 25, random: seededRandom(1) })
  assert.equal(plays, 25)
  plays = 0
  const dear = async (point: Point) => ({ ...(await counting(point)), cost: 4 })
  await search({ starts: [[0], [1]], trial: dear, budget: 26, mostCost: 4, random: seededRandom(1) })
  assert.equal(plays * 4, 24)
  plays = 25
  const stale = await search({
    starts: [[0.5]],
    trial: async () => ({ score: { missed: 1, merit: 0 }, cost: plays++ === 25 ? 1 : 0 }),
    budget: 25,
    random: seededRandom(1),
  })
  assert.equal(stale.length, 1)
})

test('a trial that was given up never wins', async () => {
  const found = await search({
    starts: [[0.5], [0.9]],
    trial: async (point) =>
      point[0] === 0.5 ? { score: { missed: 1, merit: 0 }, cost: 1 } : { score: undefined, cost: 1 },
    budget: 20,
    random: seededRandom(1),
  })
  assert.deepEqual(found, [{ point: [0.5], score: { missed: 1, merit: 0 } }])
})

/** A world in which p99 is the innermost timeout and shorter ones fail more; `noise` is added on seeds above 1000. */
function world(noise: number) {
  let plays = 0
  return {
    get plays() {
      return plays
    },
    play: async (policies: readonly PolicySpec[], scenario: string, seed: number): Promise<SimulationResult> => {
      plays++
      const last = policies.at(-1)
      const after = last !== undefined && 'timeout' in last ? last.timeout : 0
      const ms = parseDuration(typeof after === 'object' ? after.after : after, 'after') + (seed > 1000 ? noise : 0)
      const { totals } = guardedResult
      return {
        ...guardedResult,
        scenario,
        seed,
        totals: { ...totals, goodShare: ms < 100 ? 0.5 : 0.97, latency: { ...totals.latency, p99: ms } },
      }
    },
  }
}

const goals = [parseGoal('goodput >= 95%'), parseGoal('p99 <= 300ms')]
const common = { goals, scenarios: ['payments-dies', 'payments-hangs'], seed: 1, budget: 60 }
const present: PolicySpec[] = [{ retry: {} }, { timeout: '3s' }]

test('a goal that can be reached is reached, within the budget, and told with what it gains', async () => {
  const { play } = world(0)
  const outcome = await study({ ...common, policies: present, play, random: seededRandom(1) })
  assert.equal(outcome.reached, true)
  assert.equal(outcome.better, true)
  assert.ok(outcome.plays.search <= 60, String(outcome.plays.search))
  assert.deepEqual(outcome.seeds, [1002, 1003, 1004])
  assert.equal(outcome.tuned.length, 6)
  const text = gains(outcome, goals, { width: 80, paint: (_, said) => said }).join('\n')
  assert.match(text, /p99 <= 300ms +holds/)
  assert.match(text, /^payments-hangs +now .* 3 s +14 +3 s\n +tuned .* \d+ ms +14 +3 s$/m)
})

test('the search keeps its budget, and what the validation takes on top is as the help says', async () => {
  const scenarios = ['dies', 'hangs', 'slows', 'flaps', 'half-dies', 'one-bad-of-ten', 'trickles']
  for (const budget of [1, 8, 14, 20, 60]) {
    const played = world(0)
    const { plays } = await study({
      ...common,
      scenarios,
      budget,
      policies: present,
      play: played.play,
      random: seededRandom(1),
    })
    assert.ok(plays.search <= Math.max(budget, scenarios.length), `${plays.search} of ${budget}`)
    assert.ok(plays.validation >= validationPlays.least * scenarios.length, String(plays.validation))
    assert.ok(plays.validation <= validationPlays.most * scenarios.length, String(plays.validation))
    assert.equal(played.plays, plays.search + plays.validation)
  }
})

test('a goal that holds only on the seed of the search is not claimed', async () => {
  const { play } = world(400)
  const outcome = await study({ ...common, policies: present, play, random: seededRandom(1) })
  assert.equal(outcome.reached, false)
  const [goodput, p99] = verdicts(goals, outcome.tuned)
  assert.deepEqual([goodput?.holds, p99?.holds], [true, false])
  assert.ok((p99?.worst?.seed ?? 0) > 1000)
})

test('a present setting that nothing beats stays as it was written', async () => {
  const play = async (_: readonly PolicySpec[], scenario: string, seed: number) => ({
    ...guardedResult,
    scenario,
    seed,
  })
  const outcome = await study({ ...common, policies: present, play, random: seededRandom(1) })
  assert.equal(outcome.better, false)
  assert.equal(outcome.policies, present)
  assert.equal(outcome.reached, false)
})

test('scenarios after a lost one are not played', async () => {
  const seen = new Map<string, number>()
  const bad = world(0)
  const play = async (policies: readonly PolicySpec[], scenario: string, seed: number) => {
    seen.set(scenario, (seen.get(scenario) ?? 0) + 1)
    return bad.play(policies, scenario, seed)
  }
  await study({ ...common, policies: present, play, random: seededRandom(1) })
  assert.ok((seen.get('payments-hangs') ?? 0) < (seen.get('payments-dies') ?? 0))
})

test('policies are printed one on a line, a long one with a line for each option', () => {
  assert.equal(
    asYaml('payments', [
      { bulkhead: { maxInFlight: 40 } },
      { timeout: '800ms' },
      {
        circuitBreaker: {
          failureRatio: 0.5,
          slowCallRatio: 0.5,
          slowCallDuration: '110ms',
          window: '5s',
          minimumThroughput: 10,
          openFor: '2s',
        },
      },
      { circuitBreaker: 'critical' },
    ]),
    `services:
  payments:
    policies:
      - bulkhead: { maxInFlight: 40 }
      - timeout: 800ms
      - circuitBreaker:
          failureRatio: 0.5
          slowCallRatio: 0.5
          slowCallDuration: 110ms
          window: 5s
          minimumThroughput: 10
          openFor: 2s
      - circuitBreaker: critical
`,
  )
})
