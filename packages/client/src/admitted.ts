// Which policies can guard a service. A service is asked by streaming: its pipeline admits calls and never runs them, so a
// policy that answers by itself or runs a call in its own way has no place in it.
import { OptionsError, type PolicyKind, type PolicySpec } from '@switchgear/core'

const around: ReadonlySet<string> = new Set<PolicyKind>(['fallback', 'hedge', 'cache', 'coalesce', 'chaos'])

/**
 * Whether a policy of this name may stand among the policies of a service. The others run calls: in code they stand in a
 * `pipeline` of their own around `client.service(...)`; fallback and hedge of a service stand beside its policies.
 *
 * @example
 * isAdmitted('circuitBreaker') // true
 * isAdmitted('cache') // false
 */
export function isAdmitted(kind: string): boolean {
  return !around.has(kind)
}

/** Throws `SG_BAD_OPTIONS` for the first policy that is not admitted; `path` is that of the service. */
export function checkAdmitted(policies: readonly PolicySpec[], path: string): void {
  for (const [index, policy] of policies.entries()) {
    // What is no policy at all is for the pipeline to say.
    const kinds = typeof policy === 'object' && policy !== null ? Object.keys(policy) : []
    const kind = kinds.find((name) => !isAdmitted(name))
    if (kind === undefined) continue
    const place = `${path}.policies[${index}] must not be a ${kind}`
    if (kind === 'hedge') throw new OptionsError(`${place}: a second request stands in ${path}.hedge`)
    if (kind === 'fallback') throw new OptionsError(`${place}: what to answer instead stands in ${path}.fallback`)
    throw new OptionsError(`${place}: make a pipeline of it in code, around client.service(...)`)
  }
}
