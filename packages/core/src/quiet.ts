// What the house does for itself (asking a registry, sending spans) is no traffic of its users: it must not show up in their
// traces. Lower floors run it through `quietly`; a tracer, if there is one, says here how it looks away. It stands beside the
// observer because it is the same hook from the other side, and it needs no observer to be there.
import { OptionsError } from './errors.ts'

/** Runs something so that nothing of it is traced, and answers what it answers. */
export type Quiet = <T>(run: () => T) => T

const plain: Quiet = (run) => run()
let current: Quiet = plain

/**
 * Runs `run`, and everything asynchronous that it starts, outside of every trace; without a tracer it just runs it.
 *
 * @example
 * const answer = await quietly(() => fetch(registryUrl, { signal }))
 */
export function quietly<T>(run: () => T): T {
  return current(run)
}

/**
 * Sets how a tracer looks away; the answer takes it back. Throws `SG_BAD_OPTIONS` while another one is set.
 *
 * @example
 * const end = lookAway((run) => context.with(suppressTracing(context.active()), run))
 */
export function lookAway(quiet: Quiet): () => void {
  if (current !== plain) throw new OptionsError('lookAway: there is a tracer already; end that one first')
  current = quiet
  return () => {
    if (current === quiet) current = plain
  }
}
