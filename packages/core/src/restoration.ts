// From a snapshot of a pipeline back to its policies. The snapshot comes from a file or another process and the pipeline may
// have changed since, so each policy is found by its kind and name, and one that cannot be restored does not stop the others.
import { OptionsError } from './errors.ts'
import type { Policy } from './policy.ts'
import type { PipelineSnapshot } from './snapshot.ts'

/**
 * Restores each policy that has state. Answers what could not be restored, and why. `done` holds the policies that were restored
 * already: one that pipelines share has a life of its own from then on, and is not set back when the next of them comes.
 */
export function restorePolicies(
  policies: readonly Policy[],
  snapshot: PipelineSnapshot,
  done: WeakSet<Policy> = new WeakSet(),
): readonly string[] {
  if (!Array.isArray(snapshot?.policies)) return ['this is not the snapshot of a pipeline']
  const problems: string[] = []
  const left = policies.map((policy) => ({ policy, is: policy.snapshot?.().policy }))
  for (const saved of snapshot.policies) {
    const index = left.findIndex(({ policy, is }) => is === saved?.policy && policy.name === saved?.name)
    const [found] = index < 0 ? [] : left.splice(index, 1)
    // What has no version has nothing to restore, and what is no longer there needs nothing.
    if (found?.policy.restore === undefined || !('version' in saved) || done.has(found.policy)) continue
    done.add(found.policy)
    try {
      found.policy.restore(saved)
    } catch (error) {
      if (!(error instanceof OptionsError)) throw error
      problems.push(`${found.policy.name}: ${error.message}`)
    }
  }
  return problems
}
