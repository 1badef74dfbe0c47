// What can be asked about kept traces, and the words of the question: paths and parameters to a question to the store. Invariant:
// a parameter that nobody knows, or a value that cannot be, is refused and never guessed.
import { nearest } from '@switchgear/client'
import { OptionsError, parseDuration } from '@switchgear/core'
import type { SpanQuery, SpanStore, TimeRange } from '@switchgear/telemetry'
import { QuestionError } from './question-server.ts'
import type { CollectorStatus } from './status.ts'

const rangeNames = ['since', 'from', 'to']
const traceNames = ['service', 'route', 'errors', 'min', 'max', 'attribute', 'text', ...rangeNames, 'limit', 'cursor']

/** Answers questions out of a store. */
export class Questions {
  readonly #store: SpanStore
  readonly #status: () => CollectorStatus
  readonly #emptySinceMs: number | undefined

  /** `emptySinceMs`: when the store was empty, milliseconds since the epoch; undefined where that is not known. */
  constructor(store: SpanStore, status: () => CollectorStatus, emptySinceMs: number | undefined) {
    this.#store = store
    this.#status = status
    this.#emptySinceMs = emptySinceMs
  }

  /** Throws a `QuestionError`, or rejects with an error of the store. */
  async answer(path: string, query: URLSearchParams): Promise<object> {
    const store = this.#store
    const [root, name = '', id, part, ...more] = path.split('/').slice(1)
    if (root !== 'api' || more.length > 0) throw notThere()
    if (name === 'traces' && id === undefined) {
      checkNames(query, traceNames)
      return { version: 1, ...(await store.find(traceQueryOf(query))) }
    }
    if (name === 'traces' && id !== undefined) {
      checkNames(query, [])
      if (part !== undefined && part !== 'critical-path') throw notThere()
      return found(part === undefined ? store.trace(id) : store.criticalPath(id), `no trace ${id.slice(0, 64)} is kept`)
    }
    if (id !== undefined) throw notThere()
    switch (name) {
      case 'compare': {
        checkNames(query, ['a', 'b'])
        const [a, b] = [required(query, 'a'), required(query, 'b')]
        return found(store.compare(a, b), 'one of the two traces is not kept')
      }
      case 'services':
        checkNames(query, [])
        return { version: 1, services: store.services() }
      case 'edges':
        checkNames(query, rangeNames)
        return this.#edges(query)
      case 'status':
        checkNames(query, [])
        return this.#status()
      default:
        throw notThere()
    }
  }

  async #edges(query: URLSearchParams): Promise<object> {
    const range = rangeOf(query)
    const graph = await this.#store.edges(range)
    return { version: 1, seconds: this.#secondsOf(range, graph.complete), ...graph }
  }

  /** How long the counts of a range took to come, for a rate; null where that is not known. */
  #secondsOf({ fromMicros, toMicros }: TimeRange, complete: boolean): number | null {
    const nowMs = Date.now()
    const removed = this.#store.totals.evicted.traces > 0
    if (!complete || removed || (fromMicros === undefined && this.#emptySinceMs === undefined)) return null
    const fromMs = Math.max((fromMicros ?? 0) / 1000, this.#emptySinceMs ?? 0)
    const seconds = (Math.min((toMicros ?? Infinity) / 1000, nowMs) - fromMs) / 1000
    return seconds > 0 ? seconds : null
  }
}

/** The question that parameters ask: of `/api/traces`, and of a command line that says the same. */
export function traceQueryOf(query: URLSearchParams): SpanQuery {
  const limit = query.get('limit')
  return {
    service: query.get('service') ?? undefined,
    route: query.get('route') ?? undefined,
    text: query.get('text') ?? undefined,
    cursor: query.get('cursor') ?? undefined,
    errorsOnly: flag(query, 'errors'),
    minDurationNanos: nanosOf(query, 'min'),
    maxDurationNanos: nanosOf(query, 'max'),
    attributes: Object.fromEntries(query.getAll('attribute').map(attributeOf)),
    limit: limit === null ? undefined : Number(limit),
    ...rangeOf(query),
  }
}

/**
 * `key=value`; the value is a number, true or false where it reads like one, and a text in quotes is always a text.
 *
 * @example
 * attributeOf('http.response.status_code=503') // ['http.response.status_code', 503]
 */
export function attributeOf(text: string): [string, string | number | boolean] {
  const at = text.indexOf('=')
  if (at < 1) throw bad('attribute', 'key=value', text)
  const [key, value] = [text.slice(0, at), text.slice(at + 1)]
  if (value === 'true' || value === 'false') return [key, value === 'true']
  if (/^-?\d+(\.\d+)?$/.test(value)) return [key, Number(value)]
  return [key, /^".*"$/.exec(value) === null ? value : value.slice(1, -1)]
}

function rangeOf(query: URLSearchParams): TimeRange {
  const since = msOf(query, 'since')
  const from = numberOf(query, 'from')
  if (since !== undefined && from !== undefined) throw bad('since', 'left out beside from', query.get('since') ?? '')
  return { fromMicros: since === undefined ? from : (Date.now() - since) * 1000, toMicros: numberOf(query, 'to') }
}

function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name) ?? 'false'
  if (value !== 'true' && value !== 'false') throw bad(name, 'true or false', value)
  return value === 'true'
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name)
  if (value === null) return undefined
  if (!/^\d+(\.\d+)?$/.test(value)) throw bad(name, 'microseconds since the epoch', value)
  return Number(value)
}

function nanosOf(query: URLSearchParams, name: string): number | undefined {
  const ms = msOf(query, name)
  return ms === undefined ? undefined : Math.round(ms * 1e6)
}

function msOf(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name)
  if (value === null) return undefined
  try {
    return parseDuration(value, name)
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error
    throw bad(name, "a time like '100ms', '10m'", value)
  }
}

function required(query: URLSearchParams, name: string): string {
  const value = query.get(name)
  if (value === null) throw new QuestionError(400, 'SG_BAD_QUERY', `${name} must be given`)
  return value
}

function checkNames(query: URLSearchParams, known: readonly string[]): void {
  for (const name of query.keys()) {
    if (known.includes(name)) continue
    const guess = nearest(name, known)
    const hint = guess === undefined ? `known are ${known.join(', ') || 'none'}` : `did you mean ${guess}?`
    throw new QuestionError(400, 'SG_BAD_QUERY', `'${name.slice(0, 64)}' is no parameter of this question; ${hint}`)
  }
}

function found(answer: object | undefined, otherwise: string): object {
  if (answer === undefined) throw new QuestionError(404, 'NOT_KEPT', otherwise)
  return { version: 1, ...answer }
}

function notThere(): QuestionError {
  const paths = '/api/traces, /api/traces/<id>, /api/traces/<id>/critical-path, /api/compare, /api/services, /api/edges'
  return new QuestionError(404, 'NOT_FOUND', `there is nothing here: ask ${paths} or /api/status`)
}

function bad(name: string, bound: string, value: string): QuestionError {
  return new QuestionError(400, 'SG_BAD_QUERY', `${name} must be ${bound}, got '${value.slice(0, 64)}'`)
}
