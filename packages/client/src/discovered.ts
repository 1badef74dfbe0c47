// Services that nobody configured and discovery knows: found by the name that somebody calls. Invariant: a name becomes a service
// only once discovery has endpoints for it, and asking costs a bounded time.
import type { Clock } from '@switchgear/core'
import type { Directory, Roster, RosterView } from '@switchgear/discovery'

/** How long a request for a host that may be a service waits for discovery's first word on it. */
const firstWordMs = 1000

/**
 * Whether discovery has endpoints for a service: at once where it has answered. A name that cannot be one, or one too many, is none.
 */
export function isKnown(directory: Directory, name: string, clock: Clock): boolean | Promise<boolean> {
  let roster: Roster
  try {
    roster = directory.roster(name)
  } catch {
    // No name of a service, or too many names: whoever asked gets what it would have got without us.
    return false
  }
  const { view } = roster
  return view.state === 'waiting' ? firstWord(roster, clock) : view.entries.length > 0
}

function firstWord(roster: Roster, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (known: boolean): void => {
      timer.cancel()
      unsubscribe()
      resolve(known)
    }
    const unsubscribe = roster.subscribe((view: RosterView) => {
      if (view.state !== 'waiting') end(view.entries.length > 0)
    })
    const timer = clock.setTimer(() => end(false), firstWordMs)
  })
}
