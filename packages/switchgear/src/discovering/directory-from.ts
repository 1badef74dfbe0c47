// From what a file says of discovery to the directory that does it: here files are read, secrets among them. Invariant: whatever
// fails, nothing is left open, and no message holds what was read.
import { type Clock, OptionsError } from '@switchgear/core'
import type { DiscoveryConfig, DiscoverySource } from '@switchgear/config'
import { createDirectory, type Directory, fallingBack, merging, preferring, type Resolver } from '@switchgear/discovery'
import { Reading } from './reading.ts'
import { resolverOf } from './resolver-of.ts'

/** What the directory is made in; everything has a default. */
export interface DirectorySurroundings {
  readonly clock?: Clock | undefined
  /** Where tokens and certificates are read. Default: the file system. */
  readonly readFile?: ((path: string) => Promise<string>) | undefined
  /** Where variables are looked for. Default: the environment of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Hears of what went wrong and was survived. Default: a warning of the process. */
  readonly onProblem?: ((problem: Error) => void) | undefined
}

/**
 * Makes the directory that `discovery` of a switchgear.yaml describes. It is its maker's to close, which closes the sources. Rejects
 * with `SG_BAD_OPTIONS` naming the place where a file or a variable is missing, and `SG_KUBERNETES_OUTSIDE`.
 *
 * @example
 * const { services, external, zone, discovery } = await loadConfig('switchgear.yaml')
 * const directory = discovery === undefined ? undefined : await directoryFrom(discovery)
 * const client = createClient({ services, external, zone, discovery: directory })
 */
export async function directoryFrom(
  discovery: DiscoveryConfig,
  surroundings: DirectorySurroundings = {},
): Promise<Directory> {
  const { clock, onProblem } = surroundings
  const { lastKnown, absentFor, emptyFor, maxServices, maxEndpoints } = discovery
  const resolver = await resolverFrom(discovery, surroundings)
  try {
    return createDirectory({ resolver, lastKnown, absentFor, emptyFor, maxServices, maxEndpoints, clock, onProblem })
  } catch (error) {
    await resolver.close()
    throw error
  }
}

async function resolverFrom(discovery: DiscoveryConfig, surroundings: DirectorySurroundings): Promise<Resolver> {
  const { prefer, fallBack, merge, fallBackAfter: after } = discovery
  const { clock } = surroundings
  const all = (chain: 'prefer' | 'fallBack' | 'merge', sources: readonly DiscoverySource[]): Promise<Resolver[]> =>
    resolversOf(sources, (index) => `discovery.${chain}[${index}]`, surroundings)
  if (prefer !== undefined) return preferring(...(await all('prefer', prefer)))
  if (merge !== undefined) return merging(...(await all('merge', merge)))
  if (fallBack !== undefined) return fallingBack({ after, clock }, ...(await all('fallBack', fallBack)))
  const [resolver] = await resolversOf([discovery], () => 'discovery', surroundings)
  if (resolver === undefined) throw new OptionsError('discovery must have one source')
  return resolver
}

/** One after the other, so that those that were made can be closed when the next cannot be. */
async function resolversOf(
  sources: readonly DiscoverySource[],
  pathOf: (index: number) => string,
  { clock, onProblem = warn, readFile, environment = process.env }: DirectorySurroundings,
): Promise<Resolver[]> {
  const made: Resolver[] = []
  try {
    for (const [index, source] of sources.entries()) {
      const reading = new Reading(pathOf(index), environment, readFile)
      made.push(await resolverOf(source, reading, { clock, onProblem, environment }))
    }
    return made
  } catch (error) {
    for (const resolver of made) await resolver.close()
    throw error
  }
}

/** An error must reach somebody. */
function warn(problem: Error): void {
  process.emitWarning(problem)
}
