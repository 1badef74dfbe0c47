// What the tests of polled sources share: a watcher that writes down what it hears, and waiting for something real to happen.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Snapshot, Watcher } from '../../src/resolver.ts'

/** A watcher that keeps all it hears. */
export class Recording implements Watcher {
  readonly snapshots: Snapshot[] = []
  readonly errors: Error[] = []
  /** Both, in their order. */
  readonly log: (Snapshot | Error)[] = []

  found(snapshot: Snapshot): void {
    this.snapshots.push(snapshot)
    this.log.push(snapshot)
  }

  failed(error: Error): void {
    this.errors.push(error)
    this.log.push(error)
  }

  /** The last snapshot. */
  get last(): Snapshot {
    const last = this.snapshots.at(-1)
    assert.ok(last !== undefined, 'no snapshot yet')
    return last
  }

  /** The last error. */
  get error(): Error & { code?: string } {
    const last = this.errors.at(-1)
    assert.ok(last !== undefined, 'no error yet')
    return last
  }

  /** Ids of the last snapshot. */
  get ids(): readonly string[] {
    return this.last.endpoints.map(({ id }) => id)
  }
}

/** Waits, in real time, until something holds that sockets bring about. */
export async function until(holds: () => boolean, what: string, ms = 5000): Promise<void> {
  for (const end = performance.now() + ms; !holds(); await sleep(2))
    assert.ok(performance.now() < end, `waited ${ms} ms in vain until ${what}`)
}

/** Long enough for sockets on this machine to bring what they would bring; for what must *not* happen. */
export const aWhile = (): Promise<void> => sleep(35)
