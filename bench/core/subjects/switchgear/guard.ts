// The loops around a pipeline of ours: without options, with the same options for every call, or with other ones in turn.
import type { CallOptions } from '@switchgear/core'
import type { Guard } from '../../subject.ts'
import { work } from '../../workload.ts'

/** As much of a pipeline as is measured. */
export interface Guarded {
  execute(fn: typeof work, options?: CallOptions): Promise<unknown>
}

/** Calls without options. */
export function guard(guarded: Guarded, more: Partial<Guard> = {}): Guard {
  return {
    once: () => guarded.execute(work),
    async run(count) {
      for (let i = 0; i < count; i++) await guarded.execute(work)
    },
    async attempt(count) {
      let caught = 0
      for (let i = 0; i < count; i++) {
        try {
          await guarded.execute(work)
        } catch {
          caught++
        }
      }
      return caught
    },
    ...more,
  }
}

/** Calls with one key. */
export function keyed(guarded: Guarded, more: Partial<Guard> = {}): Guard {
  const options: CallOptions = Object.freeze({ key: 'tenant' })
  return {
    once: () => guarded.execute(work, options),
    async run(count) {
      for (let i = 0; i < count; i++) await guarded.execute(work, options)
    },
    async attempt(count) {
      let caught = 0
      for (let i = 0; i < count; i++) {
        try {
          await guarded.execute(work, options)
        } catch {
          caught++
        }
      }
      return caught
    },
    ...more,
  }
}

/** Calls with `keys` keys, one after the other. */
export function manyKeyed(guarded: Guarded, keys: number): Guard {
  const options: readonly CallOptions[] = Array.from({ length: keys }, (_, at) => ({ key: `tenant ${at}` }))
  let at = 0
  const next = (): CallOptions | undefined => options[(at = at + 1 === keys ? 0 : at + 1)]
  return {
    once: () => guarded.execute(work, next()),
    async run(count) {
      for (let i = 0; i < count; i++) await guarded.execute(work, next())
    },
    async attempt(count) {
      let caught = 0
      for (let i = 0; i < count; i++) {
        try {
          await guarded.execute(work, next())
        } catch {
          caught++
        }
      }
      return caught
    },
  }
}
