// What is shown of pipelines as wholes, and of the registry that holds them. The first of these families is the one during
// which the snapshots of a scrape are taken, pipeline by pipeline: it has series for each of them, between which a scrape rests.
import type { PolicySnapshot } from '@switchgear/core'
import type { NumberSeries } from '../family.ts'
import type { PolicyFamily } from './policy-family.ts'
import type { PipelinesReading, RegistryTotals } from './pipelines-reading.ts'

/** In the order in which they have to be read. */
export const pipelineFamilies: readonly PolicyFamily[] = [
  {
    name: 'switchgear_calls_total',
    help: 'Guarded calls by outcome; those that this process has refused are among the ignored ones.',
    type: 'counter',
    labelNames: ['service', 'outcome'],
    series: calls,
  },
  {
    name: 'switchgear_calls_in_flight',
    help: 'Guarded calls under way, those that wait among them.',
    type: 'gauge',
    labelNames: ['service'],
    series: inFlight,
  },
  {
    name: 'switchgear_refusals_total',
    help: 'Calls and attempts that a policy of the service has refused, by the kind of policy.',
    type: 'counter',
    labelNames: ['service', 'kind'],
    series: refusals,
  },
  {
    name: 'switchgear_registry_pipelines',
    help: 'Pipelines in the registry.',
    type: 'gauge',
    labelNames: [],
    series: ({ size }) => [{ labels: [], value: size }],
  },
  registry('switchgear_registry_max_pipelines', 'Pipelines that the registry may hold.', 'gauge', ({ max }) => max),
  registry(
    'switchgear_registry_evicted_total',
    'How often the registry forgot an idle pipeline to make room.',
    'counter',
    ({ evicted }) => evicted,
  ),
  registry(
    'switchgear_registry_unregistered_calls_total',
    'Calls of pipelines that found no room in the registry; they are guarded but not shown.',
    'counter',
    ({ unregisteredCalls }) => unregisteredCalls,
  ),
]

function* calls(reading: PipelinesReading): Generator<NumberSeries> {
  for (const { name, calls: counted } of reading.pipelines()) {
    if (counted === undefined) continue
    yield { labels: [name, 'success'], value: counted.successes }
    yield { labels: [name, 'failure'], value: counted.failures }
    yield { labels: [name, 'ignored'], value: counted.ignored }
  }
}

function* inFlight(reading: PipelinesReading): Generator<NumberSeries> {
  for (const { name, calls: counted } of reading.pipelines()) {
    if (counted !== undefined) yield { labels: [name], value: counted.inFlight }
  }
}

function* refusals(reading: PipelinesReading): Generator<NumberSeries> {
  for (const { name, policies } of reading.pipelines()) {
    const counts = new Map<string, number>()
    for (const policy of policies) {
      const count = refusalsOf(policy)
      if (count !== undefined) counts.set(policy.policy, (counts.get(policy.policy) ?? 0) + count)
    }
    for (const [kind, value] of counts) yield { labels: [name, kind], value }
  }
}

/** Undefined for policies that refuse nothing. */
function refusalsOf(policy: PolicySnapshot): number | undefined {
  if (policy.policy === 'shed') return policy.totals.sheds.reduce((sum, count) => sum + count, 0)
  return 'totals' in policy && 'rejections' in policy.totals ? policy.totals.rejections : undefined
}

function registry(
  name: string,
  help: string,
  type: 'gauge' | 'counter',
  read: (totals: RegistryTotals) => number,
): PolicyFamily {
  const series = ({ totals }: PipelinesReading): NumberSeries[] =>
    totals === undefined ? [] : [{ labels: [], value: read(totals) }]
  return { name, help, type, labelNames: [], series }
}
