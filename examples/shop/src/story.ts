// The story that plays by itself: a calm, payments hang, payments are healed, the shop recovers. It owns the order and
// the times of the acts and nothing else; what they do is done by the stage.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Outage } from './measure.ts'
import type { FaultMode } from './messages.ts'
import type { ServiceName } from './shop.ts'

/** The lengths of the three acts. */
export interface Timeline {
  readonly calmMs: number
  readonly outageMs: number
  readonly recoveryMs: number
}

/** What the story needs of the stage: it answers when the fault was set. */
export interface Breakable {
  fault(service: ServiceName, mode: FaultMode): number
}

/** Plays the three acts. Rejects with an AbortError when `signal` aborts, and leaves things as they are then. */
export async function playStory(stage: Breakable, timeline: Timeline, signal: AbortSignal): Promise<Outage> {
  await sleep(timeline.calmMs, undefined, { signal })
  const brokenAt = stage.fault('payments', 'hang')
  await sleep(timeline.outageMs, undefined, { signal })
  const healedAt = stage.fault('payments', 'none')
  await sleep(timeline.recoveryMs, undefined, { signal })
  return { brokenAt, healedAt }
}
