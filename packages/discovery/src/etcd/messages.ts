// What etcd's gateway says, read with care: numbers come as texts, bytes as base64, fields that are zero are left out. Pure. Source:
// the messages RangeResponse and WatchResponse of etcd's rpc.proto, in the JSON mapping of protocol buffers.

/** A key and its value. */
export interface EtcdPair {
  readonly key: string
  /** As it came: base64 of bytes that need not be a text. */
  readonly rawKey: string
  readonly value: string
  readonly revision: number
  /** It goes by itself when nobody keeps its lease alive. Of a deleted key never told. */
  readonly isLeased: boolean
}

/** One page of keys. */
export interface EtcdPage {
  readonly cluster: string
  /** Of the whole store at that moment. */
  readonly revision: number
  readonly pairs: readonly EtcdPair[]
  /** Of all keys in the range, not only of this page. */
  readonly count: number
  readonly hasMore: boolean
}

/** One answer of a watch. */
export interface EtcdNews {
  readonly events: readonly { readonly isDelete: boolean; readonly pair: EtcdPair }[]
  readonly isCreated: boolean
  /** The watch has ended; why, in etcd's words. */
  readonly canceled: string | undefined
  /** What is older than this is no longer kept: the watch began too late. 0: it did not. */
  readonly compactRevision: number
}

/** The text as etcd wants bytes: base64. */
export function toBase64(text: string | Uint8Array): string {
  return Buffer.from(text).toString('base64')
}

/** The first key after all those that begin with `prefix`. */
export function endOfRange(prefix: string): Uint8Array {
  const bytes = Buffer.from(prefix)
  const last = bytes.length - 1
  // A text in UTF-8 never ends with 0xff, so there is a next byte.
  bytes[last] = (bytes[last] ?? 0) + 1
  return bytes
}

/** The first key after this one. */
export function keyAfter(rawKey: string): string {
  return toBase64(Buffer.concat([Buffer.from(rawKey, 'base64'), Buffer.of(0)]))
}

/** A page. Throws when it is none. */
export function pageOf(answer: unknown): EtcdPage {
  const { header, kvs, count, more } = fields(answer)
  const { revision, cluster_id: cluster } = fields(header)
  if (revision === undefined)
    throw new Error('the answer has no revision: this is not the gateway of etcd 3.4 or later')
  return {
    cluster: String(cluster),
    revision: numberOf(revision),
    pairs: listOf(kvs).map(pairOf),
    count: numberOf(count),
    hasMore: more === true,
  }
}

/** One line of a watch. Throws what etcd says is wrong. */
export function newsOf(line: string): EtcdNews {
  const { result, error } = fields(JSON.parse(line))
  if (error !== undefined) throw new Error(String(fields(error)['message'] ?? 'the watch broke'))
  const { events, created, canceled, cancel_reason: why, compact_revision: compact } = fields(result)
  return {
    events: listOf(events).map((event) => {
      const { type, kv } = fields(event)
      return { isDelete: type === 'DELETE', pair: pairOf(kv) }
    }),
    isCreated: created === true,
    canceled: canceled === true ? String(why ?? 'it gave no reason') : undefined,
    compactRevision: numberOf(compact),
  }
}

/** Lines of a stream of bytes. Throws when one is longer than `most` characters. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > most) throw new Error(`a message of more than ${most} characters`)
    const whole = lines.filter((line) => line.trim() !== '')
    if (whole.length > 0) yield whole
  }
}

function pairOf(pair: unknown): EtcdPair {
  const { key, value, mod_revision: revision, lease } = fields(pair)
  return {
    key: textOf(key),
    rawKey: typeof key === 'string' ? key : '',
    value: textOf(value),
    revision: numberOf(revision),
    // Not `numberOf`: it is a name, and may be any of 64 bits.
    isLeased: lease !== undefined && lease !== '0' && lease !== 0,
  }
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new Error('a message that is not one of etcd')
  return value as Record<string, unknown>
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : ''
}

function numberOf(value: unknown): number {
  const number = Number(value ?? 0)
  if (!Number.isSafeInteger(number)) throw new Error('a number that is not one of etcd')
  return number
}
