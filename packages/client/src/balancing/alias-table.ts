// Draws an index in proportion to weights, in one step however many there are: the alias method of A. J. Walker (1974), set up as M. D.
// Vose has it ("A linear algorithm for generating random numbers with a given distribution", 1991). Invariant: each column holds
// its own index and at most one other, and all columns are equally high.

/** A lottery over indices. */
export class AliasTable {
  #height: Float64Array<ArrayBuffer> = new Float64Array(0)
  #alias: Int32Array<ArrayBuffer> = new Int32Array(0)
  /** Work space of `build`: the columns that are too low from the front, the others from the back. */
  #order: Int32Array<ArrayBuffer> = new Int32Array(0)

  /** `weights` are not negative; `total` is their sum and positive, unless there are none. */
  build(weights: Float64Array, total: number): void {
    const size = weights.length
    if (this.#height.length !== size) {
      this.#height = new Float64Array(size)
      this.#alias = new Int32Array(size)
      this.#order = new Int32Array(size)
    }
    const height = this.#height
    const order = this.#order
    let low = 0
    let high = size
    for (let index = 0; index < size; index++) {
      const scaled = ((weights[index] as number) * size) / total
      height[index] = scaled
      this.#alias[index] = index
      if (scaled < 1) order[low++] = index
      else order[--high] = index
    }
    // Each low column is filled up by a high one, which may become low by that. What is left by rounding keeps itself as alias.
    while (low > 0 && high < size) {
      const small = order[--low] as number
      const large = order[high] as number
      this.#alias[small] = large
      height[large] = (height[large] as number) + (height[small] as number) - 1
      if ((height[large] as number) >= 1) continue
      high++
      order[low++] = large
    }
  }

  /** The index that `chance`, in [0, 1), stands for. */
  draw(chance: number): number {
    const place = chance * this.#height.length
    const column = Math.floor(place)
    return place - column < (this.#height[column] as number) ? column : (this.#alias[column] as number)
  }
}
