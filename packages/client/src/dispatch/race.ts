// A hedged call: deliveries side by side, begun and judged by core's own `hedge`. Each passes through the service's whole pipeline and
// takes an endpoint that no other has tried. Invariant: the one whose response is taken is told to the owner; every other one is cut,
// as nobody's failure, or its response discarded, so that its connection is free.
import { type Call as KernelCall, type Outcome, type Pipeline } from '@switchgear/core'
import { activeContext, runIn } from '@switchgear/telemetry'
import type { Standing } from '../hedging.ts'
import { Delivery, type DeliveryOwner } from './delivery.ts'
import type { Errand } from './errand.ts'
import type { Try } from './try.ts'

/** What one delivery has brought. */
class Arrived implements Standing {
  readonly delivery: Delivery
  readonly one: Try
  readonly outcome: Outcome

  constructor(delivery: Delivery, one: Try, outcome: Outcome) {
    this.delivery = delivery
    this.one = one
    this.outcome = outcome
  }

  get status(): number {
    return this.one.status
  }

  get headers(): unknown {
    return this.one.headers
  }

  discard(): void {
    this.one.discard()
    this.delivery.leave()
  }
}

/** A delivery that brought nothing. */
interface Loss {
  readonly error: unknown
  readonly raw: unknown
  readonly replaceable: boolean
}

/** The deliveries of one call. */
export class Race {
  readonly #errand: Errand
  readonly #hedge: Pipeline<unknown>
  readonly #owner: DeliveryOwner
  readonly #abandon = new AbortController()
  readonly #losses: Loss[] = []
  #over = false

  constructor(errand: Errand, hedge: Pipeline<unknown>, owner: DeliveryOwner) {
    this.#errand = errand
    this.#hedge = hedge
    this.#owner = owner
  }

  begin(): void {
    const { span } = this.#errand.hop
    const running = span === undefined ? this.#run() : runIn(activeContext().withSpan(span), () => this.#run())
    running.then(
      (standing) => {
        if (this.#over) return standing.discard()
        this.#over = true
        this.#owner.arrived(standing.delivery, standing.one, standing.outcome)
      },
      (error: unknown) => {
        if (this.#over) return
        this.#over = true
        const { raw, replaceable } = this.#losses.find((loss) => loss.error === error) ?? {
          raw: error,
          replaceable: true,
        }
        this.#owner.lost(error, raw, replaceable)
      },
    )
  }

  /** Ends all of them, and tells nobody. */
  cut(_outcome: Outcome, reason: unknown): void {
    this.#over = true
    this.#abandon.abort(reason)
  }

  /** Harmless: what is over has ended itself. */
  leave(): void {
    this.cut('ignored', undefined)
  }

  #run(): Promise<Arrived> {
    // No deadline: each delivery has it, and knows in whose name it passes.
    const { key, priority, idempotent, scope } = this.#errand
    const options = { signal: this.#abandon.signal, key, priority, idempotent, scope }
    return this.#hedge.execute((call) => this.#deliver(call), options) as Promise<Arrived>
  }

  #deliver({ signal }: KernelCall): Promise<Arrived> {
    return new Promise((resolve, reject) => {
      const owner: DeliveryOwner = {
        informed: (one, status, fields, text) => this.#owner.informed(one, status, fields, text),
        arrived: (arrived, one, outcome) => {
          signal.removeEventListener('abort', cut)
          // It stands until the race has decided; nothing of its body is read before.
          one.controller?.pause()
          resolve(new Arrived(arrived, one, outcome))
        },
        lost: (error, raw, replaceable) => {
          signal.removeEventListener('abort', cut)
          this.#losses.push({ error, raw, replaceable })
          reject(error)
        },
        // Whoever takes the response in the end finds it cut.
        late: () => undefined,
      }
      const delivery = new Delivery(this.#errand, owner)
      const cut = (): void => {
        delivery.cut('ignored', signal.reason)
        reject(signal.reason)
      }
      signal.addEventListener('abort', cut, { once: true })
      delivery.begin()
    })
  }
}
