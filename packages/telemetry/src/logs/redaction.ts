// What of a value may stand in a log: a copy in which secrets are replaced, by the names they have and by how they look.
// Invariant: what it is given stays unchanged, the copy holds only what JSON can say, and time and size are bounded by depth,
// breadth, number of values and length of texts. It never throws: getters and `toJSON` of others may.
import { redacted } from '../instrumentation/request-url.ts'
import { check, checkCount, checkKeys } from '@switchgear/core/options'
import { errorRecord, isErrorLike } from './error-record.ts'
import { SecretKeys } from '../redaction/secret-keys.ts'
import { SecretText } from './secret-text.ts'

/** What is redacted, and how much of a value is kept. */
export interface RedactionOptions {
  /** More names of secrets; upper case and separators do not matter. Default: none besides those known. */
  readonly keys?: readonly string[] | undefined
  /** Names that are no secrets although they look like it, such as `nextPageToken`. Default: none. */
  readonly except?: readonly string[] | undefined
  /** Levels of objects and lists that are kept. Default 8. */
  readonly maxDepth?: number | undefined
  /** Entries of one object or list that are kept. Default 100. */
  readonly maxEntries?: number | undefined
  /** Values that are kept in all. Default 2000. */
  readonly maxValues?: number | undefined
  /** Characters of one text that are kept. Default 16384. */
  readonly maxTextLength?: number | undefined
}

const defaults = Object.freeze({
  keys: Object.freeze([]) as readonly string[],
  except: Object.freeze([]) as readonly string[],
  maxDepth: 8,
  maxEntries: 100,
  maxValues: 2000,
  maxTextLength: 16_384,
})

const truncated = '[truncated]'
/** Under these names lists of names and values in turn stand, as node:http and undici keep headers. */
const flatHeaders = /^(raw)?-?_?(headers|trailers)$/i

/** What is made of an object. */
type Copy = Record<string, unknown>

/** One walk over a value. */
interface Walk {
  /** Values that may still be kept. */
  left: number
  /** Objects that the one at hand is in. */
  readonly inside: object[]
}

/**
 * Takes secrets out.
 *
 * @example
 * const redaction = new Redaction({ keys: ['iban'] })
 * redaction.redact({ iban: 'DE02', headers: { Authorization: 'Bearer x' } })
 * // { iban: 'REDACTED', headers: { Authorization: 'REDACTED' } }
 */
export class Redaction {
  readonly #keys: SecretKeys
  readonly #texts: SecretText
  readonly #maxDepth: number
  readonly #maxEntries: number
  readonly #maxValues: number

  /** Throws an OptionsError. */
  constructor(options: RedactionOptions = {}) {
    checkKeys(options, Object.keys(defaults), 'redaction')
    const names = (name: 'keys' | 'except'): readonly string[] =>
      checkNames(options[name] ?? defaults[name], `redaction.${name}`)
    const count = (name: 'maxDepth' | 'maxEntries' | 'maxValues' | 'maxTextLength'): number =>
      checkCount(options[name] ?? defaults[name], `redaction.${name}`, 1)
    this.#keys = new SecretKeys(names('keys'), names('except'))
    this.#texts = new SecretText(this.#keys, count('maxTextLength'))
    this.#maxDepth = count('maxDepth')
    this.#maxEntries = count('maxEntries')
    this.#maxValues = count('maxValues')
  }

  /** A copy of `value` without secrets. */
  redact(value: unknown): unknown {
    return this.#value(value, { left: this.#maxValues, inside: [] })
  }

  /** A text without secrets. */
  text(text: string): string {
    return this.#texts.redact(text)
  }

  /** A query without its leading `?`, without secrets. */
  query(query: string): string {
    return this.#texts.query(query)
  }

  /** Whether what stands under `name` is a secret. */
  hides(name: string): boolean {
    return this.#keys.has(name)
  }

  /** Frequent names of secrets as they are usually spelt. */
  spellings(): string[] {
    return this.#keys.spellings()
  }

  /** `name` is what it stands under. */
  #value(value: unknown, walk: Walk, name = ''): unknown {
    if (typeof value === 'string') return this.#texts.redact(value)
    if (typeof value === 'bigint') return String(value)
    if (typeof value !== 'object' || value === null) {
      return typeof value === 'function' || typeof value === 'symbol' ? undefined : value
    }
    if (walk.inside.includes(value)) return '[circular]'
    if (walk.inside.length >= this.#maxDepth || walk.left <= 0) return truncated
    walk.inside.push(value)
    try {
      return this.#object(value, walk, name)
    } catch (error) {
      // A getter, a `toJSON` or a proxy of somebody else: that must not cost the line it was to stand in.
      return `[unreadable: ${error instanceof Error ? error.name : typeof error}]`
    } finally {
      walk.inside.pop()
    }
  }

  #object(value: object, walk: Walk, under: string): unknown {
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
    if (Array.isArray(value)) return this.#list(value, walk, flatHeaders.test(under))
    if (value instanceof Set) return this.#list([...value.values().take(this.#maxEntries + 1)], walk, false)
    if (value instanceof Map || value instanceof Headers || value instanceof URLSearchParams) {
      return this.#record(value.entries(), walk)
    }
    // Without a prototype, so that a serializer of errors that comes later does not take it for an error of type "Object".
    if (isErrorLike(value)) return this.#record(errorRecord(value), walk, undefined, Object.create(null) as Copy)
    const { toJSON, name, key = name } = value as { toJSON?: unknown; name?: unknown; key?: unknown }
    if (typeof toJSON === 'function') return this.#value(toJSON.call(value), walk)
    return this.#record(isMessage(value) ? messageEntries(value) : ownEntries(value), walk, key)
  }

  #list(list: readonly unknown[], walk: Walk, flat: boolean): unknown[] {
    const copy: unknown[] = []
    // A pair, as of `Object.entries`.
    const paired = flat || list.length === 2
    for (const [index, value] of list.entries()) {
      if (copy.length >= this.#maxEntries || walk.left <= 0) {
        copy.push(truncated)
        break
      }
      walk.left--
      const name: unknown = paired && index % 2 === 1 ? list[index - 1] : undefined
      const secret = typeof name === 'string' && this.#keys.has(name)
      copy.push(secret ? hidden(value) : (this.#value(value, walk) ?? null))
    }
    return copy
  }

  /** `title` is what an object of `name` and `value` says of itself. */
  #record(entries: Iterable<readonly [unknown, unknown]>, walk: Walk, title?: unknown, copy: Copy = {}): Copy {
    const hidesValue = typeof title === 'string' && this.#keys.has(title)
    let kept = 0
    for (const [rawKey, value] of entries) {
      const key = String(rawKey)
      if (kept++ >= this.#maxEntries || walk.left-- <= 0) {
        put(copy, truncated, true)
        break
      }
      if (this.#keys.has(key) || (hidesValue && key === 'value')) put(copy, this.#texts.redact(key), hidden(value))
      else put(copy, this.#texts.redact(key), this.#value(value, walk, key))
    }
    return copy
  }
}

const standard = new Redaction()

/**
 * A copy of `value` without secrets, by the default options of `Redaction`.
 *
 * @example
 * redact('GET https://me:secret@example.com/?token=abc') // 'GET https://REDACTED:REDACTED@example.com/?token=REDACTED'
 */
export function redact(value: unknown): unknown {
  return standard.redact(value)
}

/** In place of a secret. That there is none may be said, and so may yes and no. */
function hidden(value: unknown): unknown {
  return value === undefined || value === null || value === '' || typeof value === 'boolean' ? value : redacted
}

function checkNames(names: readonly string[], path: string): readonly string[] {
  const holds = Array.isArray(names) && names.every((name: unknown) => typeof name === 'string' && name !== '')
  check(holds, path, 'a list of names', names)
  return names
}

/** Sets an own property, also one of the name `__proto__`. */
function put(copy: Copy, key: string, value: unknown): void {
  if (value === undefined) return
  if (key === '__proto__') Object.defineProperty(copy, key, { value, enumerable: true, writable: true })
  else copy[key] = value
}

function* ownEntries(value: object): Generator<[string, unknown]> {
  for (const key of Object.keys(value)) yield [key, (value as Record<string, unknown>)[key]]
}

/** A request or an answer of node:http: everything else in it is its connection. */
interface Message {
  readonly method?: unknown
  readonly url?: unknown
  readonly statusCode?: unknown
  readonly headers: object
}

function isMessage(value: object): value is Message {
  const { httpVersion, headers } = value as { httpVersion?: unknown; headers?: unknown }
  return typeof httpVersion === 'string' && typeof headers === 'object' && headers !== null
}

function messageEntries({ method, url, statusCode, headers }: Message): [string, unknown][] {
  return [
    ['method', method],
    ['url', url],
    ['statusCode', statusCode ?? undefined],
    ['headers', headers],
  ]
}
