// A strict reader of both text formats, written from their specifications and not from our writer: character by character, and it
// refuses whatever the grammar does not allow.
import assert from 'node:assert/strict'

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly exemplar: { labels: Record<string, string>; value: number; timestamp: number | undefined } | undefined
}

export interface ParsedFamily {
  readonly name: string
  type: string
  help: string | undefined
  unit: string | undefined
  readonly samples: Sample[]
}

export interface Parsed {
  readonly families: Map<string, ParsedFamily>
  readonly comments: string[]
}

/** The suffixes that samples of a type have; in OpenMetrics those of a counter too. */
const suffixes = (type: string, open: boolean): readonly string[] => {
  if (type === 'histogram') return ['_bucket', '_sum', '_count']
  if (type === 'summary') return ['', '_sum', '_count']
  return type === 'counter' && open ? ['_total'] : ['']
}

export function parse(text: string, format: 'text' | 'openmetrics'): Parsed {
  const open = format === 'openmetrics'
  assert.ok(text.endsWith('\n'), 'ends with a line feed')
  const lines = text.slice(0, -1).split('\n')
  if (open) assert.equal(lines.pop(), '# EOF', 'ends with # EOF')
  const families = new Map<string, ParsedFamily>()
  const comments: string[] = []
  let current: ParsedFamily | undefined
  const familyOf = (name: string): ParsedFamily => {
    if (current?.name === name) return current
    assert.ok(!families.has(name), `${name} is not interleaved with others`)
    current = { name, type: 'unknown', help: undefined, unit: undefined, samples: [] }
    families.set(name, current)
    return current
  }
  for (const line of lines) {
    const meta = /^# (HELP|TYPE|UNIT) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/s.exec(line)
    if (meta !== null) {
      const [, kind, name = '', rest = ''] = meta
      const family = familyOf(name)
      assert.equal(family.samples.length, 0, `${line}: stands above the samples`)
      if (kind === 'HELP') {
        assert.equal(family.help, undefined)
        family.help = unescape(rest, open ? '\\n"' : '\\n')
      } else if (kind === 'TYPE') family.type = rest
      else {
        assert.ok(open && name.endsWith(`_${rest}`), line)
        family.unit = rest
      }
    } else if (line.startsWith('#')) {
      assert.ok(!open, `no comments in OpenMetrics: ${line}`)
      comments.push(line)
    } else {
      const sample = parseSample(line, open)
      assert.ok(current !== undefined, line)
      const fits = suffixes(current.type, open).some((suffix) => sample.name === `${current?.name}${suffix}`)
      assert.ok(fits, `${line}: belongs to ${current.name}, a ${current.type}`)
      if (sample.exemplar !== undefined) assert.match(sample.name, /_bucket$|_total$/)
      current.samples.push(sample)
    }
  }
  for (const family of families.values()) checkFamily(family)
  return { families, comments }
}

export function value(parsed: Parsed, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  for (const { samples } of parsed.families.values()) {
    for (const sample of samples) {
      if (sample.name !== name) continue
      if (Object.entries(labels).every(([label, wanted]) => sample.labels[label] === wanted)) return sample.value
    }
  }
  return undefined
}

function checkFamily({ name, type, samples }: ParsedFamily): void {
  const seen = new Set<string>()
  for (const sample of samples) {
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).toSorted()])
    assert.ok(!seen.has(key), `twice: ${key}`)
    seen.add(key)
    if (type === 'counter') assert.ok(sample.value >= 0, key)
  }
  if (type !== 'histogram') return
  const buckets = new Map<string, [number, number][]>()
  const others = new Map<string, number>()
  for (const { name: sample, labels, value: number } of samples) {
    const { le, ...rest } = labels
    const key = JSON.stringify(rest)
    if (sample.endsWith('_count')) others.set(key, number)
    if (!sample.endsWith('_bucket')) continue
    const found = buckets.get(key) ?? []
    buckets.set(key, found)
    found.push([parseNumber(le ?? ''), number])
  }
  for (const [key, found] of buckets) {
    for (let index = 1; index < found.length; index++) {
      assert.ok((found[index]?.[0] ?? 0) > (found[index - 1]?.[0] ?? 0), `${name}${key}: bounds ascend`)
      assert.ok((found[index]?.[1] ?? 0) >= (found[index - 1]?.[1] ?? 0), `${name}${key}: counts are cumulative`)
    }
    assert.equal(found.at(-1)?.[0], Infinity, `${name}${key}`)
    assert.equal(found.at(-1)?.[1], others.get(key), `${name}${key}: +Inf is the count`)
  }
}

function parseSample(line: string, open: boolean): Sample {
  const reader = new Reader(line)
  const name = reader.take(/[a-zA-Z_:][a-zA-Z0-9_:]*/y)
  const labels = reader.peek() === '{' ? reader.labels() : {}
  reader.expect(' ')
  const number = parseNumber(reader.take(/[^ ]+/y))
  if (reader.isAtEnd) return { name, labels, value: number, exemplar: undefined }
  assert.ok(open, `no exemplars in the older format: ${line}`)
  reader.expect(' # ')
  const of = reader.labels()
  assert.ok(Object.entries(of).flat().join('').length <= 128, line)
  reader.expect(' ')
  const exemplar = { labels: of, value: parseNumber(reader.take(/[^ ]+/y)), timestamp: undefined as number | undefined }
  if (!reader.isAtEnd) {
    reader.expect(' ')
    exemplar.timestamp = parseNumber(reader.take(/[^ ]+/y))
  }
  assert.ok(reader.isAtEnd, line)
  return { name, labels, value: number, exemplar }
}

function parseNumber(text: string): number {
  if (text === 'NaN') return Number.NaN
  if (text === '+Inf') return Infinity
  if (text === '-Inf') return -Infinity
  assert.match(text, /^-?\d+(?:\.\d+)?(?:e[+-]\d+)?$/)
  return Number(text)
}

function unescape(text: string, known: string): string {
  let found = ''
  for (let index = 0; index < text.length; index++) {
    const char = text[index] ?? ''
    if (char !== '\\') {
      found += char
      continue
    }
    const next = text[++index] ?? ''
    assert.ok(`${known}\\`.includes(next), `bad escape \\${next}`)
    found += next === 'n' ? '\n' : next
  }
  return found
}

class Reader {
  readonly #line: string
  #at = 0

  constructor(line: string) {
    this.#line = line
  }

  get isAtEnd(): boolean {
    return this.#at === this.#line.length
  }

  peek(): string {
    return this.#line[this.#at] ?? ''
  }

  expect(text: string): void {
    assert.equal(this.#line.slice(this.#at, this.#at + text.length), text, `at ${this.#at} of ${this.#line}`)
    this.#at += text.length
  }

  take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#line)?.[0]
    assert.ok(found !== undefined, `at ${this.#at} of ${this.#line}: ${pattern.source}`)
    this.#at += found.length
    return found
  }

  labels(): Record<string, string> {
    const found: Record<string, string> = {}
    this.expect('{')
    while (this.peek() !== '}') {
      if (Object.keys(found).length > 0) this.expect(',')
      const name = this.take(/[a-zA-Z_][a-zA-Z0-9_]*/y)
      assert.ok(!Object.hasOwn(found, name), `label ${name} twice: ${this.#line}`)
      this.expect('="')
      const raw = this.take(/(?:\\.|[^\\"\n])*/suy)
      this.expect('"')
      found[name] = unescape(raw, '\\n"')
    }
    this.expect('}')
    return found
  }
}
