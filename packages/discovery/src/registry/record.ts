// What registries tell each other of one instance, and how two records of it become one. `join` is a least upper bound, so
// that registries agree in whatever order, and however often, they hear of things (conflict-free replicated data types:
// Shapiro, Preguiça, Baquero and Zawirski, INRIA RR-7687). No wall clocks of two machines are ever compared.
//
// A later incarnation beats an earlier one entirely. Within an incarnation having left beats everything. Of two registrations
// in one incarnation the later edition holds. Within one edition heartbeats are counted apart by the registry that heard them
// (a version vector); an expiry names the heartbeats that it knew of, so that one it did not know of undoes it.
import type { Facts } from './registration.ts'

/** Counts by the name of the registry that counted. */
export type Beats = Readonly<Record<string, number>>

/** One instance as registries tell each other of it. It never changes: news makes a new one. */
export interface CatalogRecord {
  readonly service: string
  readonly id: string
  readonly incarnation: number
  /** Grows when the same incarnation registers again. */
  readonly edition: number
  /** SHA-256 of the secret, in hex. Ends a tie of two editions that two registries gave at the same time. */
  readonly secretHash: string
  readonly facts: Facts
  readonly beats: Beats
  /** The heartbeats that a registry knew of when it gave the instance up; undefined while nobody did. */
  readonly expiry: Beats | undefined
  readonly left: boolean
  /** Whether it wants traffic, and how often that has changed: the later word holds, and of two the careful one. */
  readonly ready: boolean
  readonly turn: number
}

/** Where a record stands. */
export type RecordState = 'alive' | 'left' | 'expired'

/** The place of a record in maps. No service's name holds a slash. */
export function keyOf(record: { readonly service: string; readonly id: string }): string {
  return `${record.service}/${record.id}`
}

/** Alive, or why not. */
export function stateOf({ left, expiry, beats }: CatalogRecord): RecordState {
  if (left) return 'left'
  return expiry !== undefined && covers(expiry, beats) ? 'expired' : 'alive'
}

/** Less than 0 when `a` is an earlier life of the instance than `b`, 0 when it is the same one. */
export function compareLives(a: CatalogRecord, b: CatalogRecord): number {
  if (a.incarnation !== b.incarnation) return a.incarnation - b.incarnation
  if (a.edition !== b.edition) return a.edition - b.edition
  return a.secretHash < b.secretHash ? -1 : a.secretHash > b.secretHash ? 1 : 0
}

/**
 * What is known when both are known: commutative, associative and idempotent. Answers `a` itself where `b` adds nothing.
 *
 * @example
 * const known = join(held, heard)
 * if (known !== held) tellWatchers(known)
 */
export function join(a: CatalogRecord, b: CatalogRecord): CatalogRecord {
  if (a.incarnation !== b.incarnation) return a.incarnation > b.incarnation ? a : b
  const life = compareLives(a, b)
  const left = a.left || b.left
  if (life !== 0) {
    const later = life > 0 ? a : b
    return later.left === left ? later : { ...later, left }
  }
  const beats = atMost(a.beats, b.beats)
  const expiry = a.expiry === undefined ? b.expiry : b.expiry === undefined ? a.expiry : atMost(a.expiry, b.expiry)
  const word = b.turn > a.turn || (b.turn === a.turn && !b.ready) ? b : a
  const same = beats === a.beats && expiry === a.expiry && left === a.left
  if (same && word.turn === a.turn && word.ready === a.ready) return a
  return { ...a, beats, expiry, left, ready: word.ready, turn: word.turn }
}

/** Whether every count of `beats` is known to `vector`. */
export function covers(vector: Beats, beats: Beats): boolean {
  return Object.entries(beats).every(([name, count]) => countOf(vector, name) >= count)
}

/** The count of one registry. A name may be one that every object has, such as `constructor`. */
export function countOf(beats: Beats, name: string): number {
  return Object.hasOwn(beats, name) ? (beats[name] ?? 0) : 0
}

/** The higher count of each; `a` itself where `b` has none that is higher. */
function atMost(a: Beats, b: Beats): Beats {
  if (covers(a, b)) return a
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return Object.fromEntries([...names].map((name) => [name, Math.max(countOf(a, name), countOf(b, name))] as const))
}
