// Named pipelines: one per service, by construction. It is bounded: when it is full it forgets, oldest first, what is
// closed, not isolated, without calls in flight and idle for ten minutes. A pipeline that somebody still holds is never
// made a second time under its name: it registers again at its next call, or when it is asked for by name.
import { type Clock, systemClock } from './clock.ts'
import { type ErrorEntry, OptionsError, SwitchgearError } from './errors.ts'
import type { PolicyEvent } from './events.ts'
import { check, checkCount, checkKeys, checkObject } from './options.ts'
import { compile, type Pipeline, type PipelineOf, type PipelineOptions } from './pipeline.ts'
import type { Policy } from './policy.ts'
import { type Random, systemRandom } from './random.ts'
import type { PipelineSnapshot } from './snapshot.ts'
import { restorePolicies } from './restoration.ts'
import { Tally } from './tally.ts'

/** What is documented of `SG_DUPLICATE_NAME`. */
export const duplicateNameEntry: ErrorEntry = {
  code: 'SG_DUPLICATE_NAME',
  title: 'A pipeline of this name exists already.',
  advice:
    'A registry holds one pipeline per service, so that all callers share its breaker. Make it once and get it by name, ' +
    'or use `registry.getOrCreate(name, () => [...policies])`.',
}

/** What is documented of `SG_REGISTRY_FULL`. */
export const registryFullEntry: ErrorEntry = {
  code: 'SG_REGISTRY_FULL',
  title: 'The registry holds as many pipelines as it may, and none of them can be forgotten.',
  advice:
    'Names are probably made from something unbounded, such as a user or a URL; use the name of the service and pass the rest as `key`. ' +
    'Otherwise raise `max`.',
}

/** Options of a registry. */
export interface RegistryOptions {
  /** Pipelines at most. Default 1000. */
  readonly max?: number | undefined
  /** Given to its pipelines, unless they have their own. Default: the host's. */
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

/** Of everything in a registry. */
export interface RegistrySnapshot {
  readonly pipelines: readonly PipelineSnapshot[]
  readonly max: number
  /** How often a pipeline was forgotten to make room. */
  readonly evicted: number
  /** Calls of a forgotten pipeline that ran without being registered again, because the registry was full. */
  readonly unregisteredCalls: number
  /** What could not be taken over from a restored snapshot, and why; at most 100. */
  readonly restoreProblems: readonly string[]
}

/** Hears an event and the name of the pipeline in which it happened. */
export type RegistryListener = (event: PolicyEvent, pipeline: string) => void

interface Entry {
  readonly pipeline: Pipeline<unknown>
  readonly tally: Tally
}

const defaults = { max: 1000, clock: undefined, random: undefined }
const idleMs = 10 * 60_000

/**
 * A bounded set of named pipelines.
 *
 * @example
 * const registry = new Registry()
 * const payments = registry.pipeline('payments', retry(), circuitBreaker(critical()), timeout('800ms'))
 * registry.get('payments') === payments // true
 */
export class Registry {
  readonly #max: number
  readonly #clock: Clock
  readonly #random: Random
  /** In the order of registration, so that the first is the oldest. */
  readonly #entries = new Map<string, Entry>()
  /** What was forgotten but is perhaps still held by somebody. */
  readonly #forgotten = new Map<string, WeakRef<Entry>>()
  readonly #collected = new FinalizationRegistry<string>((name) => {
    // The name may have been taken by a pipeline that is alive.
    if (this.#forgotten.get(name)?.deref() === undefined) this.#forgotten.delete(name)
  })
  readonly #listeners = new Map<RegistryListener, Map<string, () => void>>()
  #evicted = 0
  #unregisteredCalls = 0
  /** Restored before its pipeline was made. */
  readonly #awaited = new Map<string, PipelineSnapshot>()
  readonly #restoreProblems: string[] = []
  /** Policies that the last `restore` has reached. */
  #restored = new WeakSet<Policy>()

  constructor(options: RegistryOptions = {}) {
    checkKeys(options, defaults, 'registry')
    this.#max = options.max ?? defaults.max
    checkCount(this.#max, 'registry.max', 1)
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? systemRandom
  }

  /** Makes a named pipeline, the outermost policy first. Throws `SG_DUPLICATE_NAME` or `SG_REGISTRY_FULL`. */
  pipeline<P extends readonly Policy[]>(
    name: string | (PipelineOptions & { name: string }),
    ...policies: P
  ): PipelineOf<P> {
    const given = typeof name === 'string' ? { name } : name
    checkObject(given, 'registry.pipeline: its name, or options with a name,')
    check(typeof given.name === 'string' && given.name !== '', 'registry.pipeline: the name', 'a text', given.name)
    if (this.get(given.name) !== undefined) {
      throw new SwitchgearError('SG_DUPLICATE_NAME', `registry: a pipeline named '${given.name}' exists already`)
    }
    const tally = new Tally()
    const options = { ...given, clock: given.clock ?? this.#clock, random: given.random ?? this.#random }
    const entry = { pipeline: compile(options, policies, tally), tally }
    if (!this.#admit(given.name, entry)) {
      const message = `registry: no room for '${given.name}': all ${this.#max} pipelines are in use`
      throw new SwitchgearError('SG_REGISTRY_FULL', message)
    }
    const saved = this.#awaited.get(given.name)
    if (saved !== undefined) this.#restore(entry.pipeline, saved)
    return entry.pipeline as PipelineOf<P>
  }

  /** The pipeline of this name. */
  get(name: string): Pipeline<unknown> | undefined {
    const entry = this.#entries.get(name)
    if (entry !== undefined) return entry.pipeline
    const held = this.#forgotten.get(name)?.deref()
    if (held !== undefined) this.#admit(name, held)
    return held?.pipeline
  }

  /** The pipeline of this name, made of what `policies` answers if there is none yet. */
  getOrCreate(name: string, policies: () => readonly Policy[]): Pipeline<unknown> {
    return this.get(name) ?? (this.pipeline(name, ...policies()) as Pipeline<unknown>)
  }

  /** All names, the oldest first. */
  names(): string[] {
    return [...this.#entries.keys()]
  }

  /** Hears the events of every pipeline, also of those made later; the answer ends it. */
  subscribe(listener: RegistryListener): () => void {
    const own: RegistryListener = (event, pipeline) => listener(event, pipeline)
    const ends = new Map<string, () => void>()
    for (const [name, { pipeline }] of this.#entries) ends.set(name, pipeline.subscribe(own))
    this.#listeners.set(own, ends)
    return () => {
      this.#listeners.delete(own)
      for (const end of ends.values()) end()
    }
  }

  /** What a snapshot says beside the pipelines, at once: for whoever reads those one by one. */
  get totals(): Pick<RegistrySnapshot, 'max' | 'evicted' | 'unregisteredCalls'> {
    return { max: this.#max, evicted: this.#evicted, unregisteredCalls: this.#unregisteredCalls }
  }

  /** Of all its pipelines; `brief` as for a pipeline. */
  snapshot(brief = false): RegistrySnapshot {
    return {
      pipelines: [...this.#entries.values()].map(({ pipeline }) => pipeline.snapshot(brief)),
      ...this.totals,
      restoreProblems: [...this.#restoreProblems],
    }
  }

  /**
   * Takes over a snapshot, so that a restart does not forget an open circuit: of the pipelines there are now, and of those
   * made later under a name that it holds. What could not be taken over stands in `snapshot().restoreProblems`.
   *
   * @example
   * registry.restore(JSON.parse(await readFile('circuits.json', 'utf8')))
   */
  restore(snapshot: Pick<RegistrySnapshot, 'pipelines'>): void {
    const { pipelines } = (snapshot ?? {}) as Partial<RegistrySnapshot>
    if (!Array.isArray(pipelines)) throw new OptionsError('registry.restore must be given the snapshot of a registry')
    this.#restored = new WeakSet()
    for (const saved of pipelines) {
      const pipeline = this.get(saved?.name)
      if (pipeline !== undefined) this.#restore(pipeline, saved)
      else if (typeof saved?.name === 'string' && this.#awaited.size < this.#max) this.#awaited.set(saved.name, saved)
    }
  }

  #restore(pipeline: Pipeline<unknown>, saved: PipelineSnapshot): void {
    this.#awaited.delete(pipeline.name)
    for (const problem of restorePolicies(pipeline.policies, saved, this.#restored)) {
      if (this.#restoreProblems.length < 100) this.#restoreProblems.push(`${pipeline.name}: ${problem}`)
    }
  }

  #admit(name: string, entry: Entry): boolean {
    if (this.#entries.size >= this.#max && !this.#evictOldest()) return false
    this.#entries.set(name, entry)
    this.#forgotten.delete(name)
    entry.tally.onCall = undefined
    for (const [listener, ends] of this.#listeners) ends.set(name, entry.pipeline.subscribe(listener))
    return true
  }

  #evictOldest(): boolean {
    for (const [name, entry] of this.#entries) {
      if (!isForgettable(entry)) continue
      this.#entries.delete(name)
      for (const ends of this.#listeners.values()) {
        ends.get(name)?.()
        ends.delete(name)
      }
      this.#forgotten.set(name, new WeakRef(entry))
      this.#collected.register(entry, name)
      // The pipeline holds its tally and the tally this closure, so the entry lives exactly as long as somebody's pipeline.
      entry.tally.onCall = () => {
        if (!this.#admit(name, entry)) this.#unregisteredCalls++
      }
      this.#evicted++
      return true
    }
    return false
  }
}

function isForgettable({ pipeline, tally }: Entry): boolean {
  if (tally.inFlight > 0 || tally.clock.now() - tally.lastUsedAt < idleMs) return false
  return pipeline
    .snapshot(true)
    .policies.every((policy) => policy.policy !== 'circuitBreaker' || policy.state === 'closed')
}
