// How many endpoints of a service may be out at once, and when so many are out that the suspicion itself is doubted. Two rules that
// could contradict each other, so they stand here together. Invariant: one endpoint alone is never ejected, of two or more one may
// always be, and one always stays.
//
// | endpoints | ejected at most (`maxShare` 0.5) | (`maxShare` 1) | panic from so many ejected (`panicThreshold` 0.5) |
// |---|---|---|---|
// |  1 | 0 | 0 | never |
// |  2 | 1 | 1 | never |
// |  3 | 1 | 2 | 2 |
// |  4 | 2 | 3 | 3 |
// |  5 | 2 | 4 | 3 |
// |  6 | 3 | 5 | 4 |
// |  7 | 3 | 6 | 4 |
// |  8 | 4 | 7 | 5 |
// |  9 | 4 | 8 | 5 |
// | 10 | 5 | 9 | 6 |
//
// With the defaults a set that keeps its size never panics: the quota ends before. Panic is for what the quota cannot prevent: 5 of
// 10 are ejected, and then healthy ones leave or stop being ready. Who raises `maxShare` lets panic do more of the work.

/**
 * Endpoints of `count` that may be ejected at the same time: the share, but at least one and never all. 0 for a single one, which the
 * circuit breaker of its service protects.
 *
 * @example
 * mostEjected(3, 0.5) // 1
 */
export function mostEjected(count: number, maxShare: number): number {
  if (count < 2) return 0
  const floor = Math.floor(count * maxShare)
  // The bound is inclusive, also where the product falls a hair below a whole number: 100 * 0.29 is 28.999999999999996.
  const share = (floor + 1) / count <= maxShare ? floor + 1 : floor
  return Math.max(1, Math.min(count - 1, share))
}

/**
 * Whether ejected endpoints are used all the same, because fewer than the share `threshold` of `count` are left (after Envoy's panic
 * threshold). One ejected endpoint never causes it: it would take back the one ejection that is always allowed.
 *
 * @example
 * panics(8, 5, 0.5) // true
 */
export function panics(count: number, ejected: number, threshold: number): boolean {
  return ejected >= 2 && (count - ejected) / count < threshold
}
