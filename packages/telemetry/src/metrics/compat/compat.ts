// Our numbers under the names that the published dashboards of others ask for, for teams that come from there. It invents
// nothing: what is not counted here has no series, whatever a dashboard asks.
import { OptionsError } from '@switchgear/core'
import type { SnapshotSource } from '../families/pipelines-reading.ts'
import type { Family } from '../family.ts'
import { istioFamilies, type IstioIdentity } from './istio.ts'
import type { FindFamily } from './found-family.ts'
import { resilience4jFamilies } from './resilience4j.ts'

/** Whose names. */
export type Compat = 'resilience4j' | 'istio'

const kinds: readonly Compat[] = ['resilience4j', 'istio']

/** What is registered at the moment: a `MetricRegistry`. */
interface Families {
  families(): readonly Family[]
}

/**
 * The families for `compat`, each kind once. `registry` has the histograms they are made from: of HTTP requests and of guarded
 * calls. Throws `SG_BAD_OPTIONS` for a kind that is not known.
 *
 * @example
 * for (const family of compatFamilies(['istio'], pipelines, metrics, { service: 'orders' })) metrics.collect(family)
 */
export function compatFamilies(
  compat: readonly Compat[],
  source: SnapshotSource,
  registry: Families,
  identity: IstioIdentity = {},
): Family[] {
  if (!Array.isArray(compat)) throw new OptionsError(`metrics.compat must be a list of ${kinds.join(', ')}`)
  for (const kind of compat) {
    if (!kinds.includes(kind)) throw new OptionsError(`metrics.compat must be of ${kinds.join(', ')}, got '${kind}'`)
  }
  const find: FindFamily = (name) => {
    const found = registry.families().find((family) => family.name === name)
    return found !== undefined && 'bounds' in found ? found : undefined
  }
  return [
    ...(compat.includes('resilience4j') ? resilience4jFamilies(source, find) : []),
    ...(compat.includes('istio') ? istioFamilies(find, identity) : []),
  ]
}
