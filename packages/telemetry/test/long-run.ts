// What the long runs have in common: their seed, how long they are, and a look at the heap. SWITCHGEAR_SEED repeats a run;
// SWITCHGEAR_RUNS is the part of its full length that is run, 1 unless said: 0.01 is a quick look, 10 a night.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import v8 from 'node:v8'
import vm from 'node:vm'

export const seed: number = Number(process.env['SWITCHGEAR_SEED'] ?? Date.now() % 2 ** 31)
const share = Number(process.env['SWITCHGEAR_RUNS'] ?? 1)
assert.ok(Number.isInteger(seed) && share > 0, 'SWITCHGEAR_SEED and SWITCHGEAR_RUNS are numbers')

/** The part of `count` that is asked for, at least `least`. */
export function scaled(count: number, least = 1): number {
  return Math.max(least, Math.round(count * share))
}

v8.setFlagsFromString('--expose-gc')
const collect = vm.runInNewContext('gc') as () => void

/** Bytes of the heap and of buffers beside it that are in use after a collection. */
export async function usedBytes(): Promise<number> {
  // What a promise or a finalizer still holds is free one turn later.
  for (let round = 0; round < 3; round++) {
    collect()
    await sleep(10)
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Chance, with the choices that random programs are made of. */
export interface Dice {
  /** In [0, 1). */
  readonly next: () => number
  /** A whole number in [0, bound). */
  readonly below: (bound: number) => number
  /** True with this probability. */
  readonly chance: (probability: number) => boolean
  /** One of them. */
  readonly pick: <T>(of: readonly T[]) => T
}

/** Dice from a source of numbers in [0, 1). */
export function diceOf(next: () => number): Dice {
  const below = (bound: number): number => Math.floor(next() * bound)
  const pick = <T>(of: readonly T[]): T => of[below(of.length)] as T
  return { next, below, chance: (probability) => next() < probability, pick }
}
