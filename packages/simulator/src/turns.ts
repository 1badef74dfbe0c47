// Drives a clock: an event, then everything that promises make of it, then the next. Invariant: no event happens while a
// reaction of an earlier one is pending. It must not decide anything by the host's time but when to let the host breathe.
import type { SimulationClock } from './clock.ts'

/** What drives. */
export interface TurnOptions {
  readonly clock: SimulationClock
  /** How far, in virtual milliseconds. */
  readonly untilMs: number
  /** After all reactions of an event have settled. */
  readonly settled: () => void
  /** Now and then, with the host's loop running: for an abort, for measuring. What it throws ends the run. */
  readonly breathe: () => void
  /**
   * Code that is not ours may use `process.nextTick` or `setImmediate`: give it a whole turn of the event loop (2.4 us)
   * after each event. Else only promises are drained (0.3 us).
   */
  readonly thorough: boolean
}

/** Events between two looks at the host's clock. */
const patience = 256
/** Host milliseconds without letting the host's loop run. */
const breathMs = 10

/** Resolves when no event is due by `untilMs`; rejects with what an event, `settled` or `breathe` throws. */
export function drive({ clock, untilMs, settled, breathe, thorough }: TurnOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let turns = 0
    let breathedAt = performance.now()
    // A microtask that asks for a tick: Node empties its queue of microtasks before it looks at the ticks, so what runs in
    // the tick runs after every reaction, however long the chain. A tick asked for right here could come before them.
    const drained = (): void => process.nextTick(turn)
    const rested = (): void => {
      breathedAt = performance.now()
      turn()
    }
    const turn = (): void => {
      try {
        settled()
        if (++turns % patience === 0 && performance.now() - breathedAt > breathMs) {
          breathe()
          setImmediate(rested)
        } else if (!clock.advance(untilMs)) resolve()
        else if (thorough) setImmediate(turn)
        else queueMicrotask(drained)
      } catch (error) {
        reject(error)
      }
    }
    setImmediate(turn)
  })
}
