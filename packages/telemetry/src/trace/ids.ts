// Ids of traces and spans as 32-bit words: a trace has four, a span two. Owns a stock of random words, because one call
// of the random source costs more than a whole span. Invariant: no word is zero, so no id is; it never hands out a word twice.
import { randomFillSync } from 'node:crypto'

/** Words drawn at once, 32 KiB or some 5000 spans: fewer are dominated by the cost of the call, more make a stall. */
const stockWords = 8192

/**
 * A stock of random words.
 *
 * @example
 * const ids = new IdSource()
 * const spanId = [ids.word(), ids.word()]
 */
export class IdSource {
  readonly #stock: Int32Array = new Int32Array(stockWords)
  readonly #fill: (words: Int32Array) => unknown
  #next = stockWords

  /** `fill` fills an array with random words, by default from `node:crypto`; tests give one that repeats. */
  constructor(fill: (words: Int32Array) => unknown = randomFillSync) {
    this.#fill = fill
  }

  /** A random signed 32-bit integer other than 0. */
  word(): number {
    if (this.#next === stockWords) this.#refill()
    const word = this.#stock[this.#next++] ?? 0
    // Leaving the zeros out takes 2^-32 off the randomness and makes an all-zero id, which is invalid, impossible.
    return word === 0 ? this.word() : word
  }

  #refill(): void {
    this.#fill(this.#stock)
    this.#next = 0
  }
}

const hexOfByte: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** A word as eight hex digits. */
export function hexOfWord(word: number): string {
  return (
    (hexOfByte[word >>> 24] ?? '') +
    (hexOfByte[(word >>> 16) & 0xff] ?? '') +
    (hexOfByte[(word >>> 8) & 0xff] ?? '') +
    (hexOfByte[word & 0xff] ?? '')
  )
}

/** The word that begins at digit `at` of an id in hex. The digits must be valid; case does not matter. */
export function wordOfHex(text: string, at: number): number {
  return Number.parseInt(text.slice(at, at + 8), 16) | 0
}
