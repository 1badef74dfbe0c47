// How traces are found: newest first, slice by slice, with a pause between slices so that requests in the same process go on.
// Invariant: the SQL is put together from fixed fragments only; every value of a question is a parameter.
import { setImmediate as pause } from 'node:timers/promises'
import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import type { Clock } from '@switchgear/core'
import { parseAttributes } from './encoding.ts'
import { type CheckedQuery, cursorOf, type FoundTraces, type Position, type TraceSummary } from './query.ts'
import type { Candidate, Reader } from './reader.ts'
import { traceStride } from './schema.ts'
import { storable, type Texts } from './texts.ts'

/** Traces and spans looked at between two pauses; a slice has at least one trace, whatever its size. */
const sliceTraces = 256
const sliceSpans = 4096

/** What a search works on. `alive` throws when the store was closed meanwhile. */
export interface SearchBase {
  readonly db: DatabaseSync
  readonly texts: Texts
  readonly reader: Reader
  readonly clock: Clock
  readonly searchMs: number
  readonly alive: () => void
}

/** Answers a question. */
export async function search(base: SearchBase, query: CheckedQuery): Promise<FoundTraces> {
  const { reader, texts, clock } = base
  const traces: TraceSummary[] = []
  const service = query.service === undefined ? undefined : texts.idOf(query.service)
  if (query.service !== undefined && service === undefined) return { traces, cursor: undefined, timedOut: false }
  const matching = spanFilter(base, query, service)
  const deadline = clock.now() + base.searchMs
  let before: Position = query.before
  for (;;) {
    const slice = sliceOf(reader.candidates(before, query.from, sliceTraces, service))
    if (slice.length === 0) return { traces, cursor: undefined, timedOut: false }
    const hits = new Set(matching(slice.filter((candidate) => mayHold(candidate, query))))
    for (const candidate of slice) {
      before = candidate
      const summary = hits.has(candidate.id) ? reader.summary(candidate.id) : undefined
      if (summary !== undefined && traces.push(summary) === query.limit)
        return { traces, cursor: cursorOf(before), timedOut: false }
    }
    if (clock.now() >= deadline) return { traces, cursor: cursorOf(before), timedOut: true }
    await pause()
    base.alive()
  }
}

function sliceOf(candidates: Candidate[]): Candidate[] {
  let spans = 0
  const end = candidates.findIndex((candidate, n) => (spans += candidate.spans) > sliceSpans && n > 0)
  return end < 0 ? candidates : candidates.slice(0, end)
}

/** Times since 1970 are exact to a quarter of a microsecond, so a trace may seem shorter than its longest span. */
const roundingNanos = 250

/** What a trace's row says of whether one of its spans can match, or, where no span is asked for, whether the trace does. */
function mayHold({ errors, durationNanos }: Candidate, query: CheckedQuery): boolean {
  const ofSpans = asksForSpans(query)
  if (durationNanos + (ofSpans ? roundingNanos : 0) < query.minNanos || (query.errorsOnly && errors === 0)) return false
  return ofSpans || durationNanos <= query.maxNanos
}

function asksForSpans({ service, route, attributes, text }: CheckedQuery): boolean {
  return service !== undefined || route !== undefined || text !== undefined || attributes.length > 0
}

interface Condition {
  readonly sql: string
  readonly values: readonly SQLInputValue[]
}

/** Answers which of the given traces have a span that the question is about. */
function spanFilter(base: SearchBase, query: CheckedQuery, service: number | undefined): (of: Candidate[]) => number[] {
  const conditions: Condition[] = []
  if (query.minNanos > 0) conditions.push({ sql: 'duration >= ?', values: [query.minNanos] })
  if (query.maxNanos < Infinity) conditions.push({ sql: 'duration <= ?', values: [query.maxNanos] })
  if (query.errorsOnly) conditions.push({ sql: 'status = 2', values: [] })
  if (query.route !== undefined) conditions.push(routeCondition(query.route, base.texts))
  for (const [key, value] of query.attributes) conditions.push(attributeCondition(key, value, base.texts))
  if (query.text !== undefined) conditions.push(textCondition(query.text, base.texts))
  const idOnly = conditions.length === 0 || !asksForSpans(query)
  if (idOnly) return (candidates) => candidates.map(({ id }) => id)
  if (service !== undefined) conditions.unshift({ sql: 'service = ?', values: [service] })
  const statement = base.db.prepare(`SELECT t.value AS id FROM json_each(?) t WHERE EXISTS (
    SELECT 1 FROM spans WHERE id BETWEEN t.value * ${traceStride} AND t.value * ${traceStride} + ${traceStride - 1}
    AND ${conditions.map(({ sql }) => sql).join(' AND ')})`)
  const values = conditions.flatMap((condition) => condition.values)
  return (candidates) => {
    if (candidates.length === 0) return []
    const ids = JSON.stringify(candidates.map(({ id }) => id))
    return statement.all(ids, ...values).map((row) => Number(row['id']))
  }
}

function routeCondition(route: string, texts: Texts): Condition {
  const attribute = attributeCondition('http.route', route, texts, false)
  const sql = `(name = ? OR name = ? OR ${attribute.sql})`
  return { sql, values: [texts.idOf(route) ?? -1, `=${storable(route)}`, ...attribute.values] }
}

/**
 * First a plain search for `"key":value` in the text, which is how JSON.stringify has written it, then the exact look at
 * what it holds: the first is some ten times as fast and rarely wrong, the second is never wrong.
 */
function attributeCondition(key: string, value: string | number | boolean, texts: Texts, resources = true): Condition {
  const fragment = `${JSON.stringify(key)}:${JSON.stringify(value)}`
  const typed =
    typeof value === 'boolean'
      ? 'type = ?'
      : `type ${typeof value === 'number' ? "IN ('integer', 'real')" : "= 'text'"} AND value = ?`
  const own = `(instr(attributes, ?) > 0 AND EXISTS (SELECT 1 FROM json_each(attributes) WHERE key = ? AND ${typed}))`
  const values: SQLInputValue[] = [fragment, key, typeof value === 'boolean' ? String(value) : value]
  if (!resources) return { sql: own, values }
  const ids = texts.idsWhere(
    (text) => text.startsWith('{') && text.includes(fragment) && holdsAttribute(text, key, value),
  )
  const shared = 'resource IN (SELECT value FROM json_each(?))'
  const unshared = "(typeof(resource) = 'text' AND instr(resource, ?) > 0)"
  return { sql: `(${own} OR ${shared} OR ${unshared})`, values: [...values, JSON.stringify(ids), fragment] }
}

function holdsAttribute(text: string, key: string, value: string | number | boolean): boolean {
  try {
    const attributes = parseAttributes(text)
    return Object.hasOwn(attributes, key) && attributes[key] === value
  } catch {
    return false // A span's name may begin like JSON.
  }
}

/** As for attributes: first a plain look at the JSON, then the exact one, which tells values from what holds them together. */
function textCondition(text: string, texts: Texts): Condition {
  const plain = pattern(storable(text))
  const json = pattern(JSON.stringify(text).slice(1, -1))
  const lower = asciiLower(storable(text))
  const names = texts.idsWhere((value) => asciiLower(value).includes(lower))
  const sql = `(name IN (SELECT value FROM json_each(?)) OR (typeof(name) = 'text' AND substr(name, 2) LIKE ? ESCAPE '\\')
    OR (attributes LIKE ? ESCAPE '\\' AND EXISTS (SELECT 1 FROM json_tree(attributes) WHERE ${saysText("path = '$'")}))
    OR (extra LIKE ? ESCAPE '\\' AND EXISTS (SELECT 1 FROM json_tree(extra) WHERE ${inExtra} AND ${saysText(inEvent)})))`
  return { sql, values: [JSON.stringify(names), plain, json, plain, plain, plain, json, plain, plain, plain] }
}

/** Of what `extraOf` writes: the status message, the names of events and all of their attributes. */
const inEvent = "path GLOB '$[[]2][[]*].attributes'"
const inExtra = `(fullkey = '$[1]' OR fullkey GLOB '$[[]2][[]*].name' OR path GLOB '$[[]2][[]*].attributes*')`

/** Whether a value of a tree says the text, or its key where `isAttribute` holds. Booleans are numbers to SQLite. */
function saysText(isAttribute: string): string {
  return `((type IN ('true', 'false') AND type LIKE ? ESCAPE '\\')
    OR (type NOT IN ('true', 'false') AND atom LIKE ? ESCAPE '\\') OR (${isAttribute} AND key LIKE ? ESCAPE '\\'))`
}

function pattern(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
}

function asciiLower(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
}
