// The rules of the roster a second time, as simply as they can be said: time is counted in ticks, and every tick takes one from
// whatever is waiting. The property test compares the law with it.

export interface Said {
  readonly ids: readonly string[]
  readonly complete: boolean
  readonly left: readonly string[]
}

export class RosterModel {
  /** Ticks that an absent one has left; Infinity of a present one. */
  readonly held = new Map<string, number>()
  state: 'waiting' | 'live' | 'stale' = 'waiting'
  readonly #absentFor: number
  readonly #emptyFor: number
  readonly #place: (id: string) => string
  #standing = false
  #emptyLeft = Infinity

  constructor(absentFor: number, emptyFor: number, place: (id: string) => string) {
    this.#absentFor = absentFor
    this.#emptyFor = emptyFor
    this.#place = place
  }

  tick(): void {
    if (!this.#standing) return
    this.#emptyLeft--
    for (const [id, left] of this.held) this.held.set(id, left - 1)
    for (const [id, left] of [...this.held].toSorted(([, one], [, other]) => one - other))
      if (left <= 0 && !this.#isLast()) this.held.delete(id)
  }

  found({ ids, complete, left }: Said): void {
    this.state = 'live'
    this.#standing = complete
    for (const id of left) if (!ids.includes(id)) this.held.delete(id)
    if (ids.length > 0) this.#emptyLeft = Infinity
    if (complete) {
      if (ids.length === 0) this.#emptyLeft = Math.min(this.#emptyLeft, this.#emptyFor)
      const limit = ids.length === 0 ? this.#emptyLeft : this.#absentFor
      for (const [id, left] of this.held) if (!ids.includes(id)) this.held.set(id, Math.min(left, limit))
      const places = new Set(ids.map(this.#place))
      for (const id of [...this.held.keys()]) if (!ids.includes(id) && places.has(this.#place(id))) this.held.delete(id)
    }
    for (const id of ids) this.held.set(id, Infinity)
  }

  failed(): void {
    this.state = 'stale'
    this.#standing = false
  }

  unreachable(id: string): void {
    if ((this.held.get(id) ?? Infinity) < Infinity && !this.#isLast()) this.held.delete(id)
  }

  #isLast(): boolean {
    return this.held.size === 1 && this.#emptyLeft > 0
  }
}
