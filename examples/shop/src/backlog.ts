// Payments that could not be made and wait for better times. Bounded; oldest first; a round begins with a single payment
// and goes on with a few at a time, so that a payment service that has just come back is not flooded. A payment leaves
// only when it was made or declined.
import { AsyncLocalStorage } from 'node:async_hooks'

/** A payment to be made later. */
export interface Payment {
  readonly orderId: string
  readonly amount: number
}

/** How it stands. `queued` and `settled` count since the start. */
export interface BacklogState {
  readonly waiting: number
  readonly queued: number
  readonly settled: number
}

const roundEveryMs = 250
const atATime = 4

/**
 * The waiting payments.
 *
 * @example
 * const backlog = new Backlog({ max: 1000, charge, onChange: (state) => console.log(state.waiting) })
 * if (!backlog.add({ orderId: 'order-1', amount: 20 })) throw new Error('too many payments wait already')
 */
export class Backlog {
  readonly #max: number
  readonly #charge: (payment: Payment) => Promise<boolean>
  readonly #onChange: (state: BacklogState) => void
  readonly #waiting: Payment[] = []
  #queued = 0
  #settled = 0
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  /** A round belongs to no request: not to the one whose payment happened to begin the waiting. */
  readonly #ofNoRequest = AsyncLocalStorage.snapshot()

  /** `charge` answers whether the payment is dealt with; false or a throw leaves it waiting and ends the round. */
  constructor(options: {
    readonly max: number
    readonly charge: (payment: Payment) => Promise<boolean>
    readonly onChange?: (state: BacklogState) => void
  }) {
    this.#max = options.max
    this.#charge = options.charge
    this.#onChange = options.onChange ?? (() => {})
  }

  get state(): BacklogState {
    return { waiting: this.#waiting.length, queued: this.#queued, settled: this.#settled }
  }

  /** False when it is full: then the payment is not accepted. */
  add(payment: Payment): boolean {
    if (this.#waiting.length >= this.#max || this.#stopped) return false
    this.#waiting.push(payment)
    this.#queued++
    this.#onChange(this.state)
    this.#schedule()
    return true
  }

  /** No further round begins; a charge under way ends by its own deadline. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#stopped || this.#waiting.length === 0) return
    this.#timer = setTimeout(() => void this.#ofNoRequest(() => this.#round()), roundEveryMs)
  }

  async #round(): Promise<void> {
    let next = 1
    while (this.#waiting.length > 0 && !this.#stopped) {
      const some = this.#waiting.slice(0, next)
      const settled = await Promise.all(some.map((payment) => this.#settle(payment)))
      // Only a round takes from the front, and `add` adds behind, so the same payments still stand there.
      const left = some.filter((_, index) => settled[index] === false)
      this.#waiting.splice(0, some.length, ...left)
      this.#settled += some.length - left.length
      this.#onChange(this.state)
      if (left.length > 0) break
      next = atATime
    }
    this.#timer = undefined
    this.#schedule()
  }

  async #settle(payment: Payment): Promise<boolean> {
    try {
      return await this.#charge(payment)
    } catch {
      // Refused by the open circuit or failed: that is why it waits here. The next round tries again.
      return false
    }
  }
}
