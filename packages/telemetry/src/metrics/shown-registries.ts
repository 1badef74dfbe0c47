// The registries of pipelines that a process shows, as one source. More may come and go: a client that is made later brings its
// own. Invariant: a name that two of them have is shown once, that of the one that came first.
import type { PipelineSnapshot, RegistrySnapshot } from '@switchgear/core'
import type { SnapshotSource } from './policy-metrics.ts'

/** What a source tells of pipelines one at a time. */
type Named = { snapshot(brief?: boolean): PipelineSnapshot }

/**
 * Several registries as one.
 *
 * @example
 * const shown = new ShownRegistries()
 * const metrics = createMetrics({ registry: shown })
 * const hide = shown.show(client.registry)
 */
export class ShownRegistries implements SnapshotSource {
  #sources: readonly SnapshotSource[] = []

  /** Shows a registry from now on; the answer ends it. One that is shown already is shown once. */
  show(source: SnapshotSource): () => void {
    if (this.#sources.includes(source)) return () => undefined
    this.#sources = [...this.#sources, source]
    return () => {
      this.#sources = this.#sources.filter((other) => other !== source)
    }
  }

  names(): readonly string[] {
    return [...new Set(this.#sources.flatMap((source) => namesOf(source)))]
  }

  get(name: string): Named | undefined {
    for (const source of this.#sources) {
      if (!namesOf(source).includes(name)) continue
      return source.get?.(name) ?? pipelineOf(source.snapshot(true), name)
    }
    return undefined
  }

  get totals(): Pick<RegistrySnapshot, 'max' | 'evicted' | 'unregisteredCalls'> {
    const sum = { max: 0, evicted: 0, unregisteredCalls: 0 }
    for (const source of this.#sources) {
      const { max, evicted, unregisteredCalls } = source.totals ?? source.snapshot(true)
      sum.max += max
      sum.evicted += evicted
      sum.unregisteredCalls += unregisteredCalls
    }
    return sum
  }

  snapshot(brief = false): RegistrySnapshot {
    const all = this.#sources.map((source) => source.snapshot(brief))
    const pipelines = new Map<string, PipelineSnapshot>()
    for (const one of all.flatMap((snapshot) => snapshot.pipelines)) {
      if (!pipelines.has(one.name)) pipelines.set(one.name, one)
    }
    const restoreProblems = all.flatMap((snapshot) => snapshot.restoreProblems)
    return { ...this.totals, pipelines: [...pipelines.values()], restoreProblems }
  }
}

function namesOf(source: SnapshotSource): readonly string[] {
  return source.names?.() ?? source.snapshot(true).pipelines.map(({ name }) => name)
}

function pipelineOf({ pipelines }: RegistrySnapshot, name: string): Named | undefined {
  const found = pipelines.find((pipeline) => pipeline.name === name)
  return found === undefined ? undefined : { snapshot: () => found }
}
