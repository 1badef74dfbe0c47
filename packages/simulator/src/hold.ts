// A slot that stays taken after its request was answered, because whoever asked reads slowly.
import { SimEvent } from './heap.ts'
import type { Instance } from './service.ts'

/** The moment at which the slot comes free; of no effect when its instance has died since. */
export class Hold extends SimEvent {
  readonly #instance: Instance
  readonly #life: number

  constructor(instance: Instance) {
    super()
    this.#instance = instance
    this.#life = instance.life
  }

  fire(): void {
    if (this.#life === this.#instance.life) this.#instance.release()
  }
}
