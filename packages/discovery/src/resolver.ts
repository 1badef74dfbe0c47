// The one interface between those who know where instances are and those who call them. A resolver watches names and tells what
// it finds; it never decides what to keep. That is the roster's business, so that every source is treated by the same rules.
import type { Endpoint } from './endpoint.ts'

/**
 * What a source says of one service at one moment.
 *
 * - `complete: true`: the source vouches that there is nothing else; an endpoint that is missing is *absent*.
 * - `complete: false`: it may not have seen everything, for example because a registry has just restarted; nothing is missing.
 * - `left`: ids of endpoints of which the source *said* that they have gone (deregistered, deleted), as opposed to just missing.
 */
export interface Snapshot {
  readonly endpoints: readonly Endpoint[]
  readonly complete: boolean
  readonly left?: readonly string[] | undefined
}

/** Who wants to know. Neither method may throw. */
export interface Watcher {
  /** What the source says now, as a whole. Called again whenever it changes, and when the source is heard again after `failed`. */
  found(snapshot: Snapshot): void
  /** The source does not answer, or not with sense. It is asked again without further ado; what was found before stays true. */
  failed(error: Error): void
}

/** One watch. */
export interface Watching {
  /** Ends it: at once nothing more is told, and no timer or connection of it is left. Harmless when called again. */
  close(): void
}

/**
 * Knows where the instances of services are. It tries again for ever by itself, with growing waits; it watches a name that does
 * not exist (yet) as a complete snapshot without endpoints.
 *
 * @example
 * const watching = resolver.watch('payments', { found: ({ endpoints }) => use(endpoints), failed: (error) => log(error) })
 * watching.close()
 */
export interface Resolver {
  /** What it is, for messages: `dns`, `consul`, ... */
  readonly name: string
  /** Begins to watch a service. The first answer comes later, never within this call. */
  watch(service: string, watcher: Watcher): Watching
  /** Ends all watches and what they share. */
  close(): Promise<void>
}
