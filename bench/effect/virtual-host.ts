// Time and chance of the host, replaced for the libraries that read it themselves. A hook on the module loader puts one line
// in front of the named modules that shadows `Date`, `setTimeout` and the like; nothing else of them changes, and nothing
// but them is touched: the engine that plays the simulation keeps the real host. It must be made before they are loaded.
import { registerHooks } from 'node:module'
import type { Clock, Random, Timer } from '@switchgear/core'

/** What shadows the host's globals. */
const replaced = [
  'Date',
  'performance',
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'clearImmediate',
  'Math',
] as const

/** Virtual time and chance of one simulation. */
export interface HostTime {
  readonly clock: Clock
  readonly random: Random
}

/**
 * Makes every module whose URL `selects` accepts, and that is loaded from now on, live on the time of whoever attached last.
 *
 * @example
 * const host = new VirtualHost((url) => url.includes('/node_modules/opossum/'))
 * const { default: CircuitBreaker } = await import('opossum')
 * host.attach({ clock, random })
 */
export class VirtualHost {
  #time: HostTime | undefined = undefined

  constructor(selects: (url: string) => boolean) {
    const key = `switchgear.virtual-host.${hosts++}`
    Reflect.set(globalThis, key, this.#globals())
    const line = `const { ${replaced.join(', ')} } = globalThis[${JSON.stringify(key)}];`
    registerHooks({
      load(url, context, nextLoad) {
        const loaded = nextLoad(url, context)
        if (!selects(url)) return loaded
        if (loaded.source === undefined || loaded.source === null)
          throw new Error(`${url} was loaded without its source`)
        const source = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source)
        // A directive must stay the first statement. The line break is kept out so that stack traces keep their lines.
        const strict = /^\s*['"]use strict['"]/.test(source) ? `'use strict';` : ''
        return { ...loaded, source: `${strict}${line}${source}` }
      },
    })
  }

  /** From now on the modules live on this time. What they have set before stays on the clock on which it was set. */
  attach(time: HostTime): void {
    this.#time = time
  }

  #now(): HostTime {
    if (this.#time === undefined) throw new Error('a library asked for the time before a simulation began')
    return this.#time
  }

  #globals(): Record<(typeof replaced)[number], unknown> {
    const now = (): HostTime => this.#now()
    const set = (run: () => void, ms: number, every: number | undefined): HostTimer =>
      new HostTimer(now().clock, run, ms, every)
    const clear = (timer: HostTimer | undefined): void => timer?.cancel()
    return {
      Date: dateOf(() => now().clock.wallNow()),
      performance: { now: () => now().clock.now(), timeOrigin: 0 },
      setTimeout: (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
        set(() => run(...args), ms, undefined),
      clearTimeout: clear,
      setInterval: (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
        set(() => run(...args), ms, Math.max(1, ms)),
      clearInterval: clear,
      setImmediate: (run: (...args: unknown[]) => void, ...args: unknown[]) => set(() => run(...args), 0, undefined),
      clearImmediate: clear,
      Math: Object.create(Math, { random: { value: () => now().random() } }),
    }
  }
}

let hosts = 0

/** What `setTimeout` answers in Node, as far as libraries use it. It stays on the clock on which it was set. */
class HostTimer {
  #timer: Timer

  constructor(clock: Clock, run: () => void, ms: number, every: number | undefined) {
    const again = (): void => {
      this.#timer = clock.setTimer(again, every ?? 0)
      run()
    }
    this.#timer = clock.setTimer(every === undefined ? run : again, Math.max(0, ms))
  }

  cancel(): void {
    this.#timer.cancel()
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }
}

/** `Date` on another wall clock: with no argument, and in `now`. */
function dateOf(wallNow: () => number): DateConstructor {
  return class extends Date {
    constructor(...args: unknown[]) {
      if (args.length === 0) super(wallNow())
      else super(...(args as [number]))
    }

    static override now(): number {
      return wallNow()
    }
  } as DateConstructor
}
