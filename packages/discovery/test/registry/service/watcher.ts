// A watcher that remembers what it was told.
import type { Snapshot, Watcher } from '../../../src/resolver.ts'

/** See the head of this file. */
export class Recorder implements Watcher {
  readonly snapshots: Snapshot[] = []
  readonly errors: Error[] = []
  /** `found` and `failed`, in order. */
  readonly calls: ('found' | 'failed')[] = []

  get last(): Snapshot | undefined {
    return this.snapshots.at(-1)
  }

  /** Ids of the last snapshot, in order. */
  get ids(): string | undefined {
    return this.last?.endpoints
      .map(({ id }) => id)
      .toSorted()
      .join()
  }

  /** Codes of the failures. */
  get codes(): (string | undefined)[] {
    return this.errors.map((error) => (error as { code?: string }).code)
  }

  found(snapshot: Snapshot): void {
    this.calls.push('found')
    this.snapshots.push(snapshot)
  }

  failed(error: Error): void {
    this.calls.push('failed')
    this.errors.push(error)
  }
}
