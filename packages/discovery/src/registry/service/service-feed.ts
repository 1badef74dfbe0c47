// What is new of one service since somebody last looked. It is pulled: however long its reader takes, the only thing that is kept
// for it is a position, and what it gets then is either every change since, or the whole view when those are no longer kept.
// Invariant: no change is skipped; a view tells everything before it.
import type { CatalogChange, CatalogView } from '../catalog.ts'
import type { Readable } from './fanout.ts'

/** A place in the history of the books. */
export interface Position {
  readonly epoch: string
  readonly index: number
}

/** One look: a view or changes, and `complete` where it has changed without a view. */
export interface News {
  readonly view: CatalogView | undefined
  readonly changes: readonly CatalogChange[]
  readonly complete: boolean | undefined
}

/**
 * Reads one service of a catalog.
 *
 * @example
 * const feed = new ServiceFeed(catalog, 'orders', () => show(feed.read()))
 * show(feed.read()) // the view; from now on what changes
 */
export class ServiceFeed {
  readonly service: string
  readonly #catalog: Readable
  readonly #end: () => void
  #position: Position | undefined
  #toldComplete: boolean | undefined
  #asksComplete = true

  /** `onNews` says that `read` will have something. `from`: everything up to there has been read, in an earlier life. */
  constructor(catalog: Readable, service: string, onNews: () => void, from?: Position) {
    this.service = service
    this.#catalog = catalog
    this.#position = from
    this.#end = catalog.watch(service, (change) => {
      if (change === undefined) this.#asksComplete = true
      onNews()
    })
  }

  /** Up to where it was read; undefined before the first time. */
  get position(): Position | undefined {
    return this.#position
  }

  read(): News {
    const { epoch, index } = this.#position ?? { epoch: '', index: 0 }
    const changes = this.#position === undefined ? undefined : this.#catalog.since(this.service, epoch, index)
    if (changes === undefined) {
      const view = this.#catalog.view(this.service)
      this.#position = { epoch: view.epoch, index: view.index }
      this.#asksComplete = false
      this.#toldComplete = view.complete
      return { view, changes: [], complete: undefined }
    }
    const last = changes.at(-1)
    if (last !== undefined) this.#position = { epoch, index: last.index }
    return { view: undefined, changes, complete: this.#newComplete() }
  }

  close(): void {
    this.#end()
  }

  #newComplete(): boolean | undefined {
    if (!this.#asksComplete) return undefined
    this.#asksComplete = false
    const { complete } = this.#catalog.view(this.service)
    if (complete === this.#toldComplete) return undefined
    this.#toldComplete = complete
    return complete
  }
}
