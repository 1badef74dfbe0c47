// One NATS KV bucket as registries use it: one key per instance, one revision kept, written by compare-and-set. It knows the
// names of keys and the server's way of saying no; what is written is none of its business.
import { JetStreamApiCodes, JetStreamApiError, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { type KV, Kvm, type KvWatchEntry } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'

/** Bytes of one value; a record of the longest registration is well below. */
export const mostValueBytes = 131_072

/** What a bucket needs. */
export interface BucketParts {
  readonly bucket: string
  readonly replicas: number
  readonly timeoutMs: number
}

/** An open bucket. */
export class Bucket {
  readonly #kv: KV
  readonly #streams: JetStreamManager['streams']
  readonly #name: string
  readonly #timeoutMs: number

  private constructor(kv: KV, manager: JetStreamManager, parts: BucketParts) {
    this.#kv = kv
    this.#streams = manager.streams
    this.#name = parts.bucket
    this.#timeoutMs = parts.timeoutMs
  }

  /** Opens it, or makes it. */
  static async open(connection: NatsConnection, parts: BucketParts): Promise<Bucket> {
    const { bucket, replicas, timeoutMs } = parts
    const manager = await jetstreamManager(connection, { timeout: timeoutMs })
    // Values are read from the leader: a follower's could be older than the revision that was just refused.
    const options = { history: 1, replicas, maxValueSize: mostValueBytes, allow_direct: false }
    const kv = await new Kvm(connection).create(bucket, options)
    return new Bucket(kv, manager, parts)
  }

  /** All values, then every change, until `stop`. */
  async watch(): Promise<{ readonly entries: AsyncIterable<KvWatchEntry>; readonly stop: () => void }> {
    const entries = await this.#kv.watch()
    return { entries, stop: () => entries.stop() }
  }

  /** Writes if the key stands at `revision`, 0 being none. Answers the new revision, undefined when it stands elsewhere. */
  async write(key: string, value: string, revision: number): Promise<number | undefined> {
    try {
      return await this.#kv.put(key, value, { previousSeq: revision, timeout: this.#timeoutMs })
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === Number(JetStreamApiCodes.StreamWrongLastSequence))
        return undefined
      throw error
    }
  }

  /** What stands there. What somebody deleted by hand leaves a marker that nothing can be written over; it is removed. */
  async read(key: string): Promise<{ readonly revision: number; readonly value: Uint8Array } | undefined> {
    const entry = await this.#kv.get(key)
    if (entry === null) return undefined
    if (entry.operation === 'PUT') return { revision: entry.revision, value: entry.value }
    await this.remove(key, entry.revision)
    return undefined
  }

  /** Writes whatever stands there. */
  async mark(key: string, value: string): Promise<void> {
    await this.#kv.put(key, value, { timeout: this.#timeoutMs })
  }

  /** Removes a key and leaves nothing of it, unless it was written again after `revision`. */
  async remove(key: string, revision: number = Number.MAX_SAFE_INTEGER - 1): Promise<void> {
    await this.#streams.purge(`KV_${this.#name}`, { filter: `$KV.${this.#name}.${key}`, seq: revision + 1 })
  }
}

/** The key of an instance. Names hold what keys may not, and a dot would be a level. */
export function bucketKey({ service, id }: { readonly service: string; readonly id: string }): string {
  return `i.${Buffer.from(service).toString('base64url')}.${Buffer.from(id).toString('base64url')}`
}

/** The key under which a registry writes to see whether, and up to where, it hears. */
export function markKey(name: string): string {
  return `m.${Buffer.from(name).toString('base64url')}`
}

/** The key that says that a registry which knew all has written it here. */
export const wholeKey = 'whole'
