// What the policies of a registry have counted, as series by service. Everything is read when somebody scrapes; nothing
// listens and nothing is kept, so a scrape nobody makes costs nothing.
// Invariant: a service shows a series if and only if its pipeline is registered and holds such a policy.
import { attemptFamilies } from './families/attempts.ts'
import { circuitFamilies } from './families/circuits.ts'
import { loadFamilies } from './families/load.ts'
import { pipelineFamilies } from './families/pipelines.ts'
import type { SnapshotSource } from './families/pipelines-reading.ts'
import { familyOf } from './families/policy-family.ts'
import { substituteFamilies } from './families/substitutes.ts'
import type { MetricRegistry } from './registry.ts'

export type { SnapshotSource } from './families/pipelines-reading.ts'

const families = [...pipelineFamilies, ...circuitFamilies, ...attemptFamilies, ...loadFamilies, ...substituteFamilies]

/** Shows the metrics of every policy; the values are read when `registry` is scraped. */
export function policyMetrics(source: SnapshotSource, registry: MetricRegistry): void {
  for (const family of families) registry.collect(familyOf(family, source))
}
