// The first source that answers. For a source that may be down and one that stands in for it. Invariant: a source that fails keeps
// its last answer for a while before the next is turned to, so that a source which comes and goes does not move the traffic each time.
import { type Clock, type Duration, systemClock } from '@switchgear/core'
import { checkKeys, parseDuration } from '@switchgear/core/options'
import type { Resolver } from '../resolver.ts'
import { Chain, type Link, type Rule } from './chain.ts'

/** Options of `fallingBack`. */
export interface FallingBackOptions {
  /**
   * How long a source that has answered before must fail until the next is used; what it said last stays in use meanwhile.
   * Default '30s'. One that has never answered is not waited for.
   */
  readonly after?: Duration | undefined
  readonly clock?: Clock | undefined
}

/**
 * Uses the first source that is not failing. While a source is failing its last answer is good for `after`; then the next one is
 * used, and the first again as soon as it answers. A source that answers with no endpoints *answers*: use `preferring` if the next
 * one should be asked then. `close` closes the sources.
 *
 * @example
 * fallingBack({ after: '1m' }, registryResolver({ url }), dnsResolver())
 */
export function fallingBack(...sources: readonly Resolver[]): Resolver
export function fallingBack(options: FallingBackOptions, ...sources: readonly Resolver[]): Resolver
export function fallingBack(...all: readonly (Resolver | FallingBackOptions)[]): Resolver {
  const [first] = all
  const hasOptions = first !== undefined && !('watch' in first)
  const options = (hasOptions ? first : {}) as FallingBackOptions
  checkKeys(options, ['after', 'clock'], 'fallingBack')
  const { after = '30s', clock = systemClock } = options
  const afterMs = parseDuration(after, 'fallingBack.after')
  return new Chain('fallingBack', all.slice(hasOptions ? 1 : 0) as Resolver[], clock, () => firstAnswering(afterMs))
}

/** The rule of one watch. */
export function firstAnswering(afterMs: number): Rule {
  /** Which source is used; where all fail it stays the one. */
  let index = -1
  return (links, now) => {
    const isGood = ({ snapshot, error, failingSince }: Link): boolean =>
      error === undefined || (snapshot !== undefined && now < failingSince + afterMs)
    const good = links.findIndex(isGood)
    const found = links[good]
    // Nobody has answered or failed yet whose turn it is: what was used stays until they do.
    if (found !== undefined && found.snapshot !== undefined) index = good
    const used = links[index]
    const error =
      used?.error ?? (found === undefined ? links.find((link) => link.error !== undefined)?.error : undefined)
    if (used === undefined && error === undefined) return undefined
    // Turned to the next one at the earliest of those that are still waited for.
    const waiting = links
      .slice(0, good + 1)
      .map((link) => (link.error === undefined ? Infinity : link.failingSince + afterMs))
    const dueAt = Math.min(...waiting.filter((at) => at > now), Infinity)
    return { snapshot: used?.snapshot, error, dueAt }
  }
}
