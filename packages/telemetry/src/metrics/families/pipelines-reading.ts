// What one scrape sees of the pipelines of a registry. The snapshot of a pipeline is taken once per scrape, when it is first
// asked for: taking those of a thousand pipelines in one go would hold up the event loop for longer than a scrape may.
// Invariant: all families of a scrape read the same snapshots; a pipeline that comes or goes meanwhile changes none of them.
import type { PipelineSnapshot, PolicySnapshot, RegistrySnapshot } from '@switchgear/core'
import type { Scrape } from '../family.ts'

/** What a registry has counted itself. */
export type RegistryTotals = Pick<RegistrySnapshot, 'max' | 'evicted' | 'unregisteredCalls'>

/**
 * Where the numbers come from: a `Registry` of `@switchgear/core`, or whatever can tell as much. With `names` and `get` the
 * pipelines are read one by one, otherwise all at once by `snapshot`.
 */
export interface SnapshotSource {
  /** `brief`: without what only a restore needs, such as keys. */
  snapshot(brief?: boolean): RegistrySnapshot
  names?(): readonly string[]
  get?(name: string): { snapshot(brief?: boolean): PipelineSnapshot } | undefined
  readonly totals?: RegistryTotals
}

/** Kinds of policies. */
export type Kind = PolicySnapshot['policy']

/** The snapshot of a kind. */
export type Of<K extends Kind> = Extract<PolicySnapshot, { readonly policy: K }>

/** The policies of one kind that a service has: at least one. */
export interface Holder<K extends Kind = Kind> {
  readonly service: string
  readonly policies: readonly Of<K>[]
}

/** See above. `PipelinesReading.of` answers that of a scrape. */
export class PipelinesReading {
  /** Undefined where the source tells them only together with everything else. */
  readonly totals: RegistryTotals | undefined
  /** How many pipelines there are. */
  readonly size: number
  readonly #sources: readonly { snapshot(brief?: boolean): PipelineSnapshot }[]
  readonly #taken: PipelineSnapshot[] = []
  readonly #holders = new Map<Kind, { readonly service: string; readonly policies: PolicySnapshot[] }[]>()
  #next = 0

  constructor(source: SnapshotSource) {
    if (source.names === undefined || source.get === undefined) {
      const all = source.snapshot(true)
      this.totals = all
      this.#sources = all.pipelines.map((taken) => ({ snapshot: () => taken }))
    } else {
      this.totals = source.totals
      // All are looked up now: later, asking by name could bring back a pipeline that the registry has just forgotten.
      this.#sources = source.names().flatMap((name) => source.get?.(name) ?? [])
    }
    this.size = this.#sources.length
  }

  /** The reading that all families of `scrape` share. */
  static of(scrape: Scrape, source: SnapshotSource): PipelinesReading {
    return scrape.once(source, () => new PipelinesReading(source))
  }

  /** All pipelines. Each step may take one more snapshot, so it can be paused between them. */
  *pipelines(): Generator<PipelineSnapshot> {
    for (let index = 0; ; index++) {
      while (index >= this.#taken.length) if (!this.#takeNext()) return
      const pipeline = this.#taken[index]
      if (pipeline !== undefined) yield pipeline
    }
  }

  /** The services that have policies of this kind. Takes the snapshots that are still missing. */
  holders<K extends Kind>(kind: K): readonly Holder<K>[] {
    while (this.#takeNext());
    return (this.#holders.get(kind) ?? []) as unknown as readonly Holder<K>[]
  }

  #takeNext(): boolean {
    // Counted before it is taken: a policy of somebody else that throws costs one family this pipeline, and not every family.
    const source = this.#sources[this.#next++]
    if (source === undefined) return false
    const pipeline = source.snapshot(true)
    this.#taken.push(pipeline)
    const { name: service, policies } = pipeline
    for (const policy of policies) {
      let holders = this.#holders.get(policy.policy)
      if (holders === undefined) this.#holders.set(policy.policy, (holders = []))
      const last = holders.at(-1)
      if (last?.service === service) last.policies.push(policy)
      else holders.push({ service, policies: [policy] })
    }
    return true
  }
}
