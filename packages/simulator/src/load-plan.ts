// The load of a scenario, checked: who sends how much, when it is more, and when a user gives up.
import { parseDuration } from '@switchgear/core'
import { check, checkCount, checkKeys, checkList, checkName, checkNumber } from './check.ts'
import { type Distribution, distributionOf } from './latency.ts'
import type { LoadModel } from './model.ts'

/** One load, checked; `to` is an index in the plan's services. Either `rate` or `users` is there. */
export interface LoadPlan {
  readonly to: number
  readonly rate: number | undefined
  readonly users: number | undefined
  readonly thinkTime: Distribution
  readonly patienceMs: number
  readonly userRetries: number
  /** How the load is multiplied, from when on; the first from 0 on. */
  readonly levels: readonly Level[]
}

/** From `atMs` until the next one. */
export interface Level {
  readonly atMs: number
  readonly factor: number
}

const known = ['to', 'rate', 'users', 'thinkTime', 'patience', 'userRetries', 'bursts']

/** Checks all loads. `names` are those of the services. */
export function planLoads(
  loads: readonly LoadModel[],
  names: readonly string[],
  durationMs: number,
  path: string,
): readonly LoadPlan[] {
  checkList(loads, path)
  check(loads.length > 0, path, 'a list of at least one load', loads)
  return loads.map((load, index) => planLoad(load, names, durationMs, `${path}[${index}]`))
}

function planLoad(load: LoadModel, names: readonly string[], durationMs: number, path: string): LoadPlan {
  checkKeys(load, known, path)
  const { to, rate, users, userRetries = 0, bursts = [] } = load
  checkName(to, names, `${path}.to`)
  check((rate === undefined) !== (users === undefined), path, 'a load with either rate or users', load)
  if (rate !== undefined) checkNumber(rate, `${path}.rate`, 0, 10_000_000)
  if (users !== undefined) checkCount(users, `${path}.users`, 0, 1_000_000)
  checkCount(userRetries, `${path}.userRetries`, 0, 100)
  checkList(bursts, `${path}.bursts`)
  const spans = bursts.map((burst, index) => {
    const where = `${path}.bursts[${index}]`
    checkKeys(burst, ['at', 'for', 'factor'], where)
    checkNumber(burst.factor, `${where}.factor`, 0, 1_000_000)
    const atMs = parseDuration(burst.at, `${where}.at`)
    return { atMs, untilMs: atMs + parseDuration(burst.for, `${where}.for`), factor: burst.factor }
  })
  const moments = [...new Set([0, ...spans.flatMap(({ atMs, untilMs }) => [atMs, untilMs])])]
  const factorAt = (ms: number): number =>
    spans.reduce((product, span) => (span.atMs <= ms && ms < span.untilMs ? product * span.factor : product), 1)
  return {
    to: names.indexOf(to),
    rate,
    users,
    userRetries,
    thinkTime: distributionOf(load.thinkTime ?? { mean: '1s' }, `${path}.thinkTime`),
    patienceMs: parseDuration(load.patience ?? '10s', `${path}.patience`, 1),
    levels: moments
      .filter((atMs) => atMs < durationMs)
      .toSorted((a, b) => a - b)
      .map((atMs) => ({ atMs, factor: factorAt(atMs) })),
  }
}
