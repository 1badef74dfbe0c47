// A watcher that writes down what it hears, as short texts: `a b complete left c`, `a partly`, `failed <why>`.
import assert from 'node:assert/strict'
import type { Resolver, Snapshot, Watcher, Watching } from '../../src/resolver.ts'

export class Hearing implements Watcher {
  readonly heard: string[] = []
  snapshot: Snapshot | undefined
  readonly #watching: Watching

  constructor(resolver: Resolver, service: string) {
    this.#watching = resolver.watch(service, this)
  }

  get last(): string | undefined {
    return this.heard.at(-1)
  }

  found(snapshot: Snapshot): void {
    this.snapshot = snapshot
    const { endpoints, complete, left = [] } = snapshot
    const ids = endpoints.map((one) => one.id)
    this.heard.push([...ids, complete ? 'complete' : 'partly', ...(left.length > 0 ? ['left', ...left] : [])].join(' '))
  }

  failed(error: Error): void {
    this.heard.push(`failed ${error.message}`)
  }

  end(): void {
    this.#watching.close()
  }

  /** Until the last thing heard is this. */
  async until(what: string | RegExp | ((last: string) => boolean), about = String(what), ms = 10_000): Promise<void> {
    const holds = (last: string): boolean =>
      typeof what === 'string' ? last === what : what instanceof RegExp ? what.test(last) : what(last)
    const end = performance.now() + ms
    while (!holds(this.last ?? '')) {
      assert.ok(performance.now() < end, `waiting for ${about}; heard ${JSON.stringify(this.heard.slice(-5))}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}
