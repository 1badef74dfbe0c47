// All services that somebody asked for: one watch and one roster each, shared by all who ask, and one timer for all of them.
// Invariant: no more than `maxServices`; after `close` no watch, timer or file is left at work.
import { type Clock, type Duration, OptionsError, systemClock, type Timer } from '@switchgear/core'
import { check, checkCount, checkFunction, checkKeys, checkMethods, parseDuration } from '@switchgear/core/options'
import {
  discoveryClosed,
  discoveryError,
  discoveryFull,
  type ProblemListener,
  warnOfProblem,
} from './directory-errors.ts'
import { LastKnownFiles } from './last-known.ts'
import type { Resolver, Watching } from './resolver.ts'
import type { Directory, Entry, Roster } from './roster.ts'
import type { RosterRules } from './roster-law.ts'
import { WatchedRoster } from './roster-watch.ts'

/** Options of `createDirectory`. */
export interface DirectoryOptions {
  /** Where endpoints are found; several become one by `preferring`, `fallingBack` or `merging`. `close` ends it. */
  readonly resolver: Resolver
  /** A directory in which the last known endpoints are kept, so that a start needs no registry. Default: none. */
  readonly lastKnown?: string | undefined
  /** How long an endpoint that its source no longer names keeps its traffic while it works. Default '30s'. */
  readonly absentFor?: Duration | undefined
  /** How long all of them do when the source suddenly has none. Default '5m'. */
  readonly emptyFor?: Duration | undefined
  /** Default 1000. */
  readonly maxServices?: number | undefined
  /** Of one service. Default 10 000. */
  readonly maxEndpoints?: number | undefined
  readonly clock?: Clock | undefined
  /** Hears of what went wrong and was survived. Default: a warning of the process. */
  readonly onProblem?: ProblemListener | undefined
}

const optionNames = [
  'resolver',
  'lastKnown',
  'absentFor',
  'emptyFor',
  'maxServices',
  'maxEndpoints',
  'clock',
  'onProblem',
] as const satisfies readonly (keyof DirectoryOptions)[]

/** A name that can be the name of a file everywhere: it cannot leave its directory and does not depend on capitals. */
const serviceName = /^(?!.*\.\.)[a-z0-9._-]{1,100}$/

/**
 * Begins to look after services by name. Nothing is watched until somebody asks for it.
 *
 * @example
 * const directory = createDirectory({ resolver: staticResolver({ payments: ['http://10.0.0.1:4001'] }) })
 * directory.roster('payments').view.entries
 */
export function createDirectory(options: DirectoryOptions): Directory {
  return new WatchedDirectory(options)
}

interface Watched {
  readonly roster: WatchedRoster
  readonly watching: Watching
  /** What its file holds, as the entries that it was written from. */
  filed: readonly Entry[]
}

class WatchedDirectory implements Directory {
  readonly #resolver: Resolver
  readonly #rules: RosterRules
  readonly #maxServices: number
  readonly #clock: Clock
  readonly #onProblem: ProblemListener
  readonly #files: LastKnownFiles | undefined
  readonly #watched = new Map<string, Watched>()
  #timer: Timer | undefined = undefined
  #timerAt = Infinity
  #closing: Promise<void> | undefined = undefined

  constructor(options: DirectoryOptions) {
    checkKeys(options, optionNames, 'directory')
    const {
      resolver,
      lastKnown,
      absentFor = '30s',
      emptyFor = '5m',
      maxServices = 1000,
      maxEndpoints = 10_000,
    } = options
    const { clock = systemClock, onProblem = warnOfProblem } = options
    checkMethods(resolver, ['watch', 'close'], 'directory.resolver')
    checkFunction(onProblem, 'directory.onProblem')
    check(
      lastKnown === undefined || (typeof lastKnown === 'string' && lastKnown !== ''),
      'directory.lastKnown',
      'the path of a directory',
      lastKnown,
    )
    this.#resolver = resolver
    this.#rules = {
      absentForMs: parseDuration(absentFor, 'directory.absentFor'),
      emptyForMs: parseDuration(emptyFor, 'directory.emptyFor'),
      maxEndpoints: checkCount(maxEndpoints, 'directory.maxEndpoints', 1, 1_000_000),
    }
    this.#maxServices = checkCount(maxServices, 'directory.maxServices', 1, 100_000)
    this.#clock = clock
    this.#onProblem = onProblem
    this.#files = lastKnown === undefined ? undefined : new LastKnownFiles(lastKnown, clock, onProblem)
  }

  roster(service: string): Roster {
    const watched = this.#watched.get(service)
    if (watched !== undefined) return watched.roster
    if (!isServiceName(service))
      throw new OptionsError(`service must be a name of 1 to 100 of a-z, 0-9, '.', '_' and '-' without '..'`)
    if (this.#closing !== undefined) throw discoveryError(discoveryClosed, `${service}: the directory was closed`)
    if (this.#watched.size >= this.#maxServices)
      throw discoveryError(
        discoveryFull,
        `${service}: ${this.#maxServices} services are under watch already (maxServices)`,
      )
    return this.#begin(service)
  }

  services(): readonly string[] {
    return [...this.#watched.keys()]
  }

  release(service: string): boolean {
    const watched = this.#watched.get(service)
    if (watched === undefined) return true
    if (watched.roster.isHeard) return false
    this.#watched.delete(service)
    watched.watching.close()
    return true
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #begin(service: string): WatchedRoster {
    const roster = new WatchedRoster(service, this.#rules, this.#clock, this.#onProblem, this.#changed)
    // Read here and now: a small local file, so that the first call of a start while the registry is down finds endpoints.
    const known = this.#files?.read(service)
    if (known !== undefined) roster.restore(known.endpoints, known.wallMs)
    const filed = roster.view.entries
    this.#watched.set(service, { roster, watching: this.#resolver.watch(service, roster), filed })
    return roster
  }

  readonly #changed = (roster: WatchedRoster): void => {
    const watched = this.#watched.get(roster.service)
    // While it begins there is nothing that the disk does not know; one that was released has nobody left to tell.
    if (this.#closing !== undefined || watched?.roster !== roster) return
    if (this.#files !== undefined && watched.filed !== roster.view.entries) {
      this.#files.changed(roster.service, () => {
        watched.filed = roster.view.entries
        return roster.view.entries.map((entry) => entry.endpoint)
      })
    }
    this.#arm(Math.min(roster.dueAt, this.#files?.dueAt ?? Infinity))
  }

  /** Sets the timer unless it runs earlier anyway; one that runs too early only looks again. */
  #arm(at: number): void {
    if (at >= this.#timerAt || this.#closing !== undefined) return
    this.#timer?.cancel()
    this.#timerAt = at
    this.#timer = this.#clock.setTimer(this.#ring, at - this.#clock.now())
    // Whoever has nothing else to do may end; what is held needs nobody to wait for it.
    this.#timer.hold?.(false)
  }

  readonly #ring = (): void => {
    this.#timerAt = Infinity
    const now = this.#clock.now()
    for (const { roster } of this.#watched.values()) if (roster.dueAt <= now) roster.publish()
    this.#files?.flush(this.#look)
    this.#look()
  }

  readonly #look = (): void => {
    let at = this.#files?.dueAt ?? Infinity
    for (const { roster } of this.#watched.values()) at = Math.min(at, roster.dueAt)
    this.#arm(at)
  }

  async #close(): Promise<void> {
    this.#timer?.cancel()
    for (const { watching } of this.#watched.values()) watching.close()
    await Promise.all([this.#resolver.close(), this.#files?.close()])
  }
}

/** Whether a text can be the name of a service: 1 to 100 of `a-z`, `0-9`, `.`, `_` and `-`, without `..`. */
export function isServiceName(text: unknown): text is string {
  return typeof text === 'string' && serviceName.test(text)
}
