// One watch at the books for however many readers of a service. Invariant: the books are watched for a service exactly while
// somebody reads it, and a reader that ends in the midst of a round hears nothing more.
import type { Catalog, CatalogListener } from '../catalog.ts'

/** What readers need of the books. */
export type Readable = Pick<Catalog, 'since' | 'view' | 'watch'>

/**
 * The books, with shared watches.
 *
 * @example
 * const end = new Fanout(catalog).watch('orders', (change) => show(change))
 */
export class Fanout implements Readable {
  readonly #catalog: Readable
  readonly #rounds = new Map<string, { readonly listeners: Set<CatalogListener>; readonly end: () => void }>()

  constructor(catalog: Readable) {
    this.#catalog = catalog
  }

  view(...call: Parameters<Readable['view']>): ReturnType<Readable['view']> {
    return this.#catalog.view(...call)
  }

  since(...call: Parameters<Readable['since']>): ReturnType<Readable['since']> {
    return this.#catalog.since(...call)
  }

  watch(service: string, listener: CatalogListener): () => void {
    const round = this.#rounds.get(service) ?? this.#begin(service)
    round.listeners.add(listener)
    return () => {
      if (!round.listeners.delete(listener) || round.listeners.size > 0) return
      this.#rounds.delete(service)
      round.end()
    }
  }

  #begin(service: string): { readonly listeners: Set<CatalogListener>; readonly end: () => void } {
    const listeners = new Set<CatalogListener>()
    const end = this.#catalog.watch(service, (change) => {
      for (const listener of listeners) listener(change)
    })
    const round = { listeners, end }
    this.#rounds.set(service, round)
    return round
  }
}
