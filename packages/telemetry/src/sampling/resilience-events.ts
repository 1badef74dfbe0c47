// The names under which policies appear in a trace: as an event, as an attribute, or as a span of that name. One list,
// so that the instrumentation which writes them and the sampler which looks for them cannot differ.

/** Names of what policies do, as they stand in a trace. */
export const resilienceEvents: Readonly<{
  rejected: 'switchgear.rejected'
  wouldReject: 'switchgear.would_reject'
  timeout: 'switchgear.timeout'
  fallback: 'switchgear.fallback'
  retry: 'switchgear.retry'
  hedge: 'switchgear.hedge'
  hedgeWon: 'switchgear.hedge_won'
  transition: 'switchgear.transition'
  ejection: 'switchgear.ejection'
  queued: 'switchgear.queued'
  abandoned: 'switchgear.abandoned'
  cache: 'switchgear.cache'
  coalesced: 'switchgear.coalesced'
  chaos: 'switchgear.chaos'
}> = Object.freeze({
  rejected: 'switchgear.rejected',
  wouldReject: 'switchgear.would_reject',
  timeout: 'switchgear.timeout',
  fallback: 'switchgear.fallback',
  retry: 'switchgear.retry',
  hedge: 'switchgear.hedge',
  hedgeWon: 'switchgear.hedge_won',
  transition: 'switchgear.transition',
  ejection: 'switchgear.ejection',
  queued: 'switchgear.queued',
  abandoned: 'switchgear.abandoned',
  cache: 'switchgear.cache',
  coalesced: 'switchgear.coalesced',
  chaos: 'switchgear.chaos',
})

/**
 * Those that make a trace worth keeping: a policy changed what happened to the call, or would have. A queue, a cache
 * and a shared flight are everyday.
 */
export const keptResilienceEvents: ReadonlySet<string> = new Set([
  resilienceEvents.rejected,
  resilienceEvents.wouldReject,
  resilienceEvents.timeout,
  resilienceEvents.fallback,
  resilienceEvents.retry,
  resilienceEvents.hedge,
  resilienceEvents.transition,
  resilienceEvents.ejection,
  resilienceEvents.chaos,
])

/** Why a trace was kept: a `TailReason`. On the root of a kept trace. */
export const samplingReasonKey = 'switchgear.sampling.reason'
/** With which probability a trace like this one is kept, in (0, 1]. On the root of a kept trace. */
export const samplingRatioKey = 'switchgear.sampling.ratio'
