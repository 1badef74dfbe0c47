// The first source that has endpoints. For services of which some stand in one place and some in another, and for moving from one
// source to the next. Invariant: a source that had endpoints and fails is still the one that is preferred: its last answer stays.
import { systemClock } from '@switchgear/core'
import type { Resolver, Snapshot } from '../resolver.ts'
import { Chain, type Link, type Rule, type Verdict } from './chain.ts'

/**
 * Uses the first source that has endpoints of a service. A later one is used only while all before it have said that they have none,
 * or have never been able to say anything; as soon as an earlier one has endpoints it is used again. A source that fails after it
 * had endpoints keeps its place, with what it said last.
 *
 * Use it when it is a matter of *where a service is known*; when it is a matter of a source being *down*, use `fallingBack`.
 * `close` closes the sources.
 *
 * @example
 * preferring(staticResolver({ payments: ['http://127.0.0.1:4001'] }), dnsResolver())
 */
export function preferring(...sources: readonly Resolver[]): Resolver {
  return new Chain('preferring', sources, systemClock, preferFirst)
}

/** The rule of one watch. */
export function preferFirst(): Rule {
  let index = -1
  /** What the source at `index` said, and what was made of it. */
  let from: Snapshot | undefined
  let said: Snapshot | undefined
  return (links, _now, last) => {
    // One that has not said anything yet is waited for: the next would be used for a moment only.
    const next = links.findIndex(
      (link) => link.hasEndpoints || (link.snapshot === undefined && link.error === undefined),
    )
    const link = links[next]
    if (link === undefined) {
      const before = links[index]?.snapshot
      index = -1
      return nobodyHas(links, before, last)
    }
    if (link.snapshot === undefined) return undefined
    if (next !== index || link.snapshot !== from) {
      // What the one before said of departures still holds although it is no longer the one that is used.
      const gone = next === index ? undefined : links[index]?.snapshot?.left
      said = gone === undefined || gone.length === 0 ? link.snapshot : withLeft(link.snapshot, gone)
      from = link.snapshot
      index = next
    }
    return { snapshot: said, error: link.error }
  }
}

function withLeft(snapshot: Snapshot, gone: readonly string[]): Snapshot {
  return { ...snapshot, left: [...new Set([...(snapshot.left ?? []), ...gone])] }
}

/** Nobody has endpoints: that is an answer only when nobody is missing. */
function nobodyHas(links: readonly Link[], before: Snapshot | undefined, last: Verdict | undefined): Verdict {
  const error = links.find((link) => link.error !== undefined)?.error
  if (error !== undefined) return { snapshot: undefined, error }
  const complete = links.every((link) => link.snapshot?.complete === true)
  const told = last?.snapshot
  const isTold = before === undefined && told?.endpoints.length === 0 && told.complete === complete
  return { snapshot: isTold ? told : { endpoints: [], complete, left: before?.left }, error: undefined }
}
