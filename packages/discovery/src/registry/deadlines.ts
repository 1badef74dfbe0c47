// What falls due when, for many things behind one timer: a binary heap of times. A time that moves later (each heartbeat moves
// one) is not touched in the heap; whoever takes a due key asks for its true time and puts it back. Invariant: a key stands
// in here at most once with a time that counts; older entries of it are skipped.

interface Due {
  readonly key: string
  readonly at: number
}

/**
 * Keys by time.
 *
 * @example
 * deadlines.set('orders/a', now + leaseMs)
 * for (let key = deadlines.take(now); key !== undefined; key = deadlines.take(now)) look(key)
 */
export class Deadlines {
  readonly #heap: Due[] = []
  readonly #times: Map<string, number> = new Map()

  /** Keys that have a time. */
  get size(): number {
    return this.#times.size
  }

  /** The next time, undefined when there is none. */
  get next(): number | undefined {
    this.#skip()
    return this.#heap[0]?.at
  }

  /** Sets the time of a key in place of what it had. */
  set(key: string, at: number): void {
    if (this.#times.get(key) === at) return
    this.#times.set(key, at)
    this.#push({ key, at })
    // Keys whose time was moved leave their old entry behind; no more of those are kept than there are keys.
    if (this.#heap.length > 64 && this.#heap.length > 2 * this.#times.size) this.#rebuild()
  }

  /** Sets the time of a key unless it has an earlier one, which costs nothing: whoever takes it then sees that it is early. */
  noLater(key: string, at: number): void {
    if (at < (this.#times.get(key) ?? Infinity)) this.set(key, at)
  }

  /** Forgets a key. */
  delete(key: string): void {
    this.#times.delete(key)
  }

  /** Takes out one key that is due at `now`. */
  take(now: number): string | undefined {
    this.#skip()
    const top = this.#heap[0]
    if (top === undefined || top.at > now) return undefined
    this.#pop()
    this.#times.delete(top.key)
    return top.key
  }

  #skip(): void {
    for (let top = this.#heap[0]; top !== undefined && this.#times.get(top.key) !== top.at; top = this.#heap[0])
      this.#pop()
  }

  #rebuild(): void {
    this.#heap.length = 0
    for (const [key, at] of this.#times) this.#push({ key, at })
  }

  #push(due: Due): void {
    const heap = this.#heap
    let hole = heap.length
    heap.push(due)
    while (hole > 0) {
      const above = (hole - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || parent.at <= due.at) break
      heap[hole] = parent
      hole = above
    }
    heap[hole] = due
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let hole = 0
    for (;;) {
      const left = heap[2 * hole + 1]
      const right = heap[2 * hole + 2]
      const below = right !== undefined && left !== undefined && right.at < left.at ? right : left
      if (below === undefined || below.at >= last.at) break
      heap[hole] = below
      hole = below === left ? 2 * hole + 1 : 2 * hole + 2
    }
    heap[hole] = last
  }
}
