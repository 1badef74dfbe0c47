// What is shown of the policies that limit load: bulkhead, adaptive limit, rate limit, throttle and shed.
import { amount, divided, each, type PolicyFamily, total } from './policy-family.ts'

const bulkheads: readonly PolicyFamily[] = [
  amount(
    'bulkhead',
    'switchgear_bulkhead_in_flight',
    "Calls inside the service's bulkheads.",
    ({ inFlight }) => inFlight,
  ),
  amount(
    'bulkhead',
    'switchgear_bulkhead_queued',
    "Calls waiting for a slot of the service's bulkheads.",
    ({ queued }) => queued,
  ),
  amount(
    'bulkhead',
    'switchgear_bulkhead_max_in_flight',
    "Slots of the service's bulkheads.",
    ({ maxInFlight }) => maxInFlight,
  ),
  amount(
    'bulkhead',
    'switchgear_bulkhead_max_queue',
    "Places in the queues of the service's bulkheads.",
    ({ maxQueue }) => maxQueue,
  ),
  total(
    'bulkhead',
    'switchgear_bulkhead_admitted_total',
    "Calls let in by the service's bulkheads.",
    ({ totals }) => totals.admitted,
  ),
  total(
    'bulkhead',
    'switchgear_bulkhead_rejections_total',
    "Calls refused by the service's bulkheads.",
    ({ totals }) => totals.rejections,
  ),
  total(
    'bulkhead',
    'switchgear_bulkhead_waits_total',
    "Calls that had to wait for a slot of the service's bulkheads.",
    ({ totals }) => totals.queued,
  ),
]

const adaptiveLimits: readonly PolicyFamily[] = [
  amount(
    'adaptiveLimit',
    'switchgear_adaptive_limit',
    "Calls that the service's adaptive limits let run at once now.",
    ({ limit }) => limit,
  ),
  amount(
    'adaptiveLimit',
    'switchgear_adaptive_limit_in_flight',
    "Calls inside the service's adaptive limits.",
    ({ inFlight }) => inFlight,
  ),
  amount(
    'adaptiveLimit',
    'switchgear_adaptive_limit_queued',
    "Calls waiting for room in the service's adaptive limits.",
    ({ queued }) => queued,
  ),
  each(
    'adaptiveLimit',
    'switchgear_adaptive_limit_baseline_seconds',
    'Latency that the limit takes for that of an unloaded dependency; absent while it is unknown.',
    ({ baselineMs }) => (baselineMs === undefined ? undefined : baselineMs / 1000),
  ),
  total(
    'adaptiveLimit',
    'switchgear_adaptive_limit_admitted_total',
    "Calls let in by the service's adaptive limits.",
    ({ totals }) => totals.admitted,
  ),
  total(
    'adaptiveLimit',
    'switchgear_adaptive_limit_rejections_total',
    "Calls refused by the service's adaptive limits.",
    ({ totals }) => totals.rejections,
  ),
  total(
    'adaptiveLimit',
    'switchgear_adaptive_limit_waits_total',
    "Calls that had to wait for room in the service's adaptive limits.",
    ({ totals }) => totals.queued,
  ),
]

const rateLimits: readonly PolicyFamily[] = [
  total(
    'rateLimit',
    'switchgear_rate_limit_admitted_total',
    "Calls let in by the service's rate limits.",
    ({ totals }) => totals.admitted,
  ),
  total(
    'rateLimit',
    'switchgear_rate_limit_rejections_total',
    "Calls refused by the service's rate limits.",
    ({ totals }) => totals.rejections,
  ),
  total(
    'rateLimit',
    'switchgear_rate_limit_given_back_total',
    'Calls that were let in, did not run, and were given back to the quota.',
    ({ totals }) => totals.givenBack,
  ),
  amount(
    'rateLimit',
    'switchgear_rate_limit_keys',
    'Keys whose use the rate limits of the service remember.',
    ({ keys }) => keys,
  ),
  total(
    'rateLimit',
    'switchgear_rate_limit_evicted_keys_total',
    'Keys that were forgotten to make room before all of their quota was back.',
    ({ totals }) => totals.evicted,
  ),
  total(
    'rateLimit',
    'switchgear_rate_limit_store_errors_total',
    'How often the store of a rate limit failed.',
    ({ totals }) => totals.storeErrors,
  ),
]

const throttles: readonly PolicyFamily[] = [
  each(
    'throttle',
    'switchgear_throttle_refusal_ratio',
    'Chance with which the next call is refused; of the priority for which it is the greatest.',
    ({ refusalChance }) => refusalChance,
  ),
  amount(
    'throttle',
    'switchgear_throttle_window_requests',
    "Calls in the window of the service's throttles.",
    ({ requests }) => requests,
  ),
  amount(
    'throttle',
    'switchgear_throttle_window_accepts',
    "Calls in the window of the service's throttles that were not refused by the other side.",
    ({ accepts }) => accepts,
  ),
  total(
    'throttle',
    'switchgear_throttle_admitted_total',
    "Calls let in by the service's throttles.",
    ({ totals }) => totals.admitted,
  ),
  total(
    'throttle',
    'switchgear_throttle_rejections_total',
    "Calls refused by the service's throttles.",
    ({ totals }) => totals.rejections,
  ),
]

const sheds: readonly PolicyFamily[] = [
  total(
    'shed',
    'switchgear_shed_admitted_total',
    "Calls let in by the service's load shedders.",
    ({ totals }) => totals.admitted,
  ),
  divided(
    'shed',
    'switchgear_sheds_total',
    'Calls refused to save the process, by priority: 0 critical to 3 least important.',
    'priority',
    ({ totals: { sheds: counts } }) => Object.fromEntries(counts.map((count, priority) => [priority, count])),
  ),
  each(
    'shed',
    'switchgear_shed_refused_from',
    'Calls of this priority and of less important ones are refused; 4 means none is.',
    ({ refusedFrom }) => refusedFrom,
    Math.min,
  ),
  each(
    'shed',
    'switchgear_shed_delay_seconds',
    'Delay of the event loop that the load shedder saw last.',
    ({ delayMs }) => delayMs / 1000,
  ),
]

/** By service, and by policy where it says so. */
export const loadFamilies: readonly PolicyFamily[] = [
  ...bulkheads,
  ...adaptiveLimits,
  ...rateLimits,
  ...throttles,
  ...sheds,
]
