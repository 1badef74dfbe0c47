// The lookup table of Maglev (D. Eisenbud and others, "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section
// 3.4): every backend walks over the table in an order of its own and takes the next free entry when it is its turn. Turns come by
// weight. Invariant: the table depends on ids, weights and size only, never on an order or a history, so that all callers have the same.
import { hash32 } from './hash.ts'
import { Turns } from './turns.ts'

/** Entries by index of the backend. */
export type MaglevTable = Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>

const offsetSeed = 0x5eed0001
const skipSeed = 0x5eed0002

/** `ids` are sorted and there is at least one; `weights` are positive; `size` is prime, so that each walk meets every entry. */
export function maglevTable(ids: readonly string[], weights: ArrayLike<number>, size: number): MaglevTable {
  const table = ids.length < 0xffff ? new Uint16Array(size) : new Uint32Array(size)
  const free = ids.length < 0xffff ? 0xffff : 0xffffffff
  table.fill(free)
  const places = Int32Array.from(ids, (id) => hash32(id, offsetSeed) % size)
  const skips = Int32Array.from(ids, (id) => 1 + (hash32(id, skipSeed) % (size - 1)))
  const turns = new Turns(ids.length)
  for (let index = 0; index < ids.length; index++) turns.deadlines[index] = 1 / (weights[index] as number)
  turns.sort()
  for (let taken = 0; taken < size; taken++) {
    const index = turns.next
    const skip = skips[index] as number
    let place = places[index] as number
    while (table[place] !== free) place = place + skip >= size ? place + skip - size : place + skip
    table[place] = index
    places[index] = place
    turns.postpone((turns.deadlines[index] as number) + 1 / (weights[index] as number))
  }
  return table
}

/** Whether `size` has no divisor but itself. */
export function isPrime(size: number): boolean {
  if (size < 2 || !Number.isInteger(size)) return false
  for (let divisor = 2; divisor * divisor <= size; divisor++) if (size % divisor === 0) return false
  return true
}
