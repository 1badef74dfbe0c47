// Who is next: indices in the order of their deadlines, as a binary heap in two typed arrays. Equal deadlines go by index, so that
// the order never depends on history. Invariant: the first `#open` places are a heap; what was set aside stands behind them with
// its deadline kept.

/** A queue of indices by deadline. */
export class Turns {
  readonly deadlines: Float64Array<ArrayBuffer>
  readonly #heap: Int32Array<ArrayBuffer>
  #open: number

  constructor(size: number) {
    this.deadlines = new Float64Array(size)
    this.#heap = new Int32Array(size)
    for (let index = 0; index < size; index++) this.#heap[index] = index
    this.#open = size
  }

  /** The index whose turn it is; -1 when all are set aside. */
  get next(): number {
    return this.#open === 0 ? -1 : (this.#heap[0] as number)
  }

  /** To be called after `deadlines` were changed all together. */
  sort(): void {
    for (let place = (this.#open >> 1) - 1; place >= 0; place--) this.#down(place)
  }

  /** Gives the next one a later deadline. */
  postpone(deadline: number): void {
    this.deadlines[this.next] = deadline
    this.#down(0)
  }

  /** Leaves the next one out until `recall`. */
  setAside(): void {
    this.#swap(0, --this.#open)
    this.#down(0)
  }

  /** Takes all back that were set aside. */
  recall(): void {
    while (this.#open < this.#heap.length) this.#up(this.#open++)
  }

  #down(from: number): void {
    let place = from
    for (;;) {
      let child = place * 2 + 1
      if (child >= this.#open) return
      if (child + 1 < this.#open && this.#before(child + 1, child)) child++
      if (!this.#before(child, place)) return
      this.#swap(child, place)
      place = child
    }
  }

  #up(from: number): void {
    let place = from
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (!this.#before(place, parent)) return
      this.#swap(place, parent)
      place = parent
    }
  }

  #before(place: number, other: number): boolean {
    const index = this.#heap[place] as number
    const otherIndex = this.#heap[other] as number
    const deadline = this.deadlines[index] as number
    const otherDeadline = this.deadlines[otherIndex] as number
    return deadline < otherDeadline || (deadline === otherDeadline && index < otherIndex)
  }

  #swap(place: number, other: number): void {
    const index = this.#heap[place] as number
    this.#heap[place] = this.#heap[other] as number
    this.#heap[other] = index
  }
}
