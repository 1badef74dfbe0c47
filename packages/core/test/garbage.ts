// Whether an object is garbage, asked of the engine that runs the tests: V8 (Node, Deno) or JavaScriptCore (Bun).
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const { Bun: bun } = globalThis as { Bun?: { gc(force: boolean): void } }

/** A full collection, now. */
const collect: () => void = bun === undefined ? collectorOfV8() : () => bun.gc(true)

function collectorOfV8(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

/**
 * Whether what `make` answers a weak hand on becomes garbage. JavaScriptCore takes whatever looks like an address on the stack
 * for one, and so now and then keeps an object by chance: it is asked again with a new one. A leak holds every one of them.
 */
export async function becomesGarbage(make: () => WeakRef<object> | Promise<WeakRef<object>>): Promise<boolean> {
  for (let attempt = 0; attempt < (bun === undefined ? 1 : 5); attempt++) {
    if (await isCollected(await make())) return true
  }
  return false
}

async function isCollected(held: WeakRef<object>): Promise<boolean> {
  for (let turn = 0; turn < 20 && held.deref() !== undefined; turn++) {
    // A weak reference lives at least to the end of the turn in which it was made or looked at.
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  return held.deref() === undefined
}
