// What is between the policies of one list: only one retry, queues outermost, shared ones that exist; and which of them a
// service cannot have.
import { isAdmitted } from '@switchgear/client'
import type { Mistake } from '../judgement.ts'
import { formatPath, type Path } from '../path.ts'
import { list, mapping, type Names, unknownName } from './reading.ts'

/** Names under `shared`. */
export interface SharedNames {
  readonly budgets: Names
  readonly circuitBreakers: Names
}

/** Mistakes that are such wherever the list stands. */
export function policyMistakes(policies: readonly unknown[], path: Path, shared: SharedNames): Mistake[] {
  const read = policies.map(mapping)
  return [
    ...twiceRetried(read, path),
    ...innerQueues(read, path),
    ...read.flatMap((policy, index) => unknownShared(policy, [...path, index], shared)),
  ]
}

/**
 * Of what guards a service or a host outside, which stands at `path`. It is asked by streaming: what runs a call, or answers
 * instead of it, cannot stand among its policies.
 */
export function serviceMistakes(service: unknown, path: Path, shared: SharedNames): Mistake[] {
  const { hedge } = mapping(service)
  const policies = list(mapping(service)['policies'])
  return [
    ...policyMistakes(policies, [...path, 'policies'], shared),
    ...unknownName(mapping(hedge)['budget'], shared.budgets, {
      path: [...path, 'hedge', 'budget'],
      what: 'shared budget',
    }),
    ...policies.flatMap((policy, index) => notAdmitted(policy, index, path)),
  ]
}

function notAdmitted(policy: unknown, index: number, path: Path): Mistake[] {
  const kind = Object.keys(mapping(policy)).find((one) => !isAdmitted(one))
  if (kind === undefined) return []
  const around = path[0] === 'external' ? 'around the call' : `around client.service(${JSON.stringify(path.at(-1))})`
  const expected =
    kind === 'fallback' || kind === 'hedge'
      ? `it beside them, as ${formatPath([...path, kind])}`
      : `it in code, in a pipeline ${around}: a service cannot have one yet; only simulation.policies can`
  return [
    {
      path: [...path, 'policies', index, kind],
      part: 'key',
      message: `a ${kind} among the policies of a ${path[0] === 'external' ? 'host' : 'service'}`,
      expected,
    },
  ]
}

type Read = readonly Readonly<Record<string, unknown>>[]

/** Two retries multiply: three times three attempts for one call. */
function twiceRetried(policies: Read, path: Path): Mistake[] {
  const retries = [...policies.keys()].filter((index) => Object.hasOwn(policies[index] ?? {}, 'retry'))
  return retries.slice(1).map((index) => ({
    path: [...path, index, 'retry'],
    part: 'key',
    message: 'a second retry, which multiplies the attempts of the first',
    expected: 'at most one retry in a list',
  }))
}

const gates: ReadonlySet<string> = new Set([
  'circuitBreaker',
  'bulkhead',
  'rateLimit',
  'adaptiveLimit',
  'throttle',
  'shed',
])

/** Who waits in a queue must not hold a permit of a gate further out; neighbours are asked together, so they may. */
function innerQueues(policies: Read, path: Path): Mistake[] {
  let [outer, last]: (number | undefined)[] = []
  return policies.flatMap((policy, index) => {
    const [kind = ''] = Object.keys(policy)
    if (!gates.has(kind)) {
      outer = last
      return []
    }
    const maxQueue = mapping(policy[kind])['maxQueue']
    const queues = (kind === 'bulkhead' || kind === 'adaptiveLimit') && typeof maxQueue === 'number' && maxQueue > 0
    if (!queues || outer === undefined) {
      last = index
      return []
    }
    const [other = ''] = Object.keys(policies[outer] ?? {})
    return [
      {
        path: [...path, index, kind, 'maxQueue'],
        part: 'key',
        message: `a queue inside of ${other}, with ${Object.keys(policies[index - 1] ?? {})[0] ?? 'another policy'} between: who waits would hold a permit of it`,
        expected: `the ${kind} before ${formatPath([...path, outer, other])}`,
      },
    ]
  })
}

function unknownShared(policy: Readonly<Record<string, unknown>>, path: Path, shared: SharedNames): Mistake[] {
  return [
    ...unknownName(mapping(policy['circuitBreaker'])['shared'], shared.circuitBreakers, {
      path: [...path, 'circuitBreaker', 'shared'],
      what: 'shared circuit breaker',
    }),
    ...['retry', 'hedge'].flatMap((kind) =>
      unknownName(mapping(policy[kind])['budget'], shared.budgets, {
        path: [...path, kind, 'budget'],
        what: 'shared budget',
      }),
    ),
  ]
}
