// What may be restored. A snapshot comes from a file or another process, so every field that is used is checked;
// whatever is wrong with it, the limit stays as it was.
import { OptionsError } from '../errors.ts'
import type { RateLimitSnapshot } from '../snapshot.ts'

/** Throws `SG_BAD_OPTIONS` unless it is the snapshot of a rate limit, of a version that is known. */
export function checkSnapshot(snapshot: RateLimitSnapshot): void {
  const { policy, version, takenAt, buckets } = snapshot ?? {}
  if (version !== 1) throw new OptionsError(`rateLimit.restore: version ${String(version)} is not known, only 1 is`)
  const sound =
    policy === 'rateLimit' &&
    isAmount(takenAt) &&
    Array.isArray(buckets) &&
    buckets.every((bucket) => typeof bucket?.key === 'string' && isAmount(bucket.used))
  if (!sound) throw new OptionsError('rateLimit.restore: this is not the snapshot of a rate limit')
}

function isAmount(value: unknown): boolean {
  return Number.isFinite(value) && (value as number) >= 0
}
