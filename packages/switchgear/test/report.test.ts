// Reports are well-formed, need nothing but themselves, and show what a hostile name says without obeying it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linear, logarithmic, time } from '../src/report/axis.ts'
import { chart } from '../src/report/chart.ts'
import { escaped } from '../src/report/markup.ts'
import { page, sheet } from '../src/report/page.ts'
import { strips } from '../src/report/strip.ts'
import { guardedResult, unguardedResult } from './fixture.ts'

/** Names of all elements; throws when they are not balanced, an attribute is not quoted or a text holds a bare `<` or `&`. */
function elements(markup: string): string[] {
  const open: string[] = []
  const names: string[] = []
  const text = markup.replace(/^<!doctype html>/, '')
  const token = /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/gy
  while (token.lastIndex < text.length) {
    const at = token.lastIndex
    const found = token.exec(text)
    assert.ok(found, `not well-formed at ${text.slice(at, at + 80)}`)
    const [, closing, name = '', attributes = '', empty, plain] = found
    for (const part of [plain, attributes]) {
      if (open.at(-1) !== 'style') assert.doesNotMatch(part ?? '', /&(?!amp;|lt;|gt;|quot;)/)
    }
    if (plain !== undefined) continue
    if (closing === '/') assert.equal(open.pop(), name)
    else {
      names.push(name)
      if (empty !== '/') open.push(name)
    }
  }
  assert.deepEqual(open, [])
  return names
}

function assertSelfContained(markup: string): void {
  const text = markup.replace('xmlns="http://www.w3.org/2000/svg"', '')
  for (const stranger of [/https?:/, /<script/i, /\bsrc=/, /url\(/, /@import/, /<link/i, /\bon\w+="/, /javascript:/]) {
    assert.doesNotMatch(text, stranger)
  }
  for (const [, target = ''] of text.matchAll(/href="([^"]*)"/g)) assert.match(target, /^#s\d+$/)
}

const played = [guardedResult, unguardedResult]

test('the page is well-formed, self-contained, and has every chart', () => {
  const html = page([played])
  const names = elements(html)
  assertSelfContained(html)
  // Two for the key, seven drawings.
  assert.equal(names.filter((name) => name === 'svg').length, 9)
  for (const title of [
    'Good answers',
    'Failed answers',
    'Refused at once',
    'Requests in flight',
    'Latency',
    'arrive at payments',
    'Circuit breakers',
  ]) {
    assert.ok(html.includes(title), title)
  }
  for (const text of ['prefers-color-scheme:dark', 'payments dies', 'without policies', '2,040', 'never'])
    assert.ok(html.includes(text), text)
})

test('a page of several scenarios has a table with a link to each, a comparison its differences', () => {
  const html = page([played, [{ ...guardedResult, scenario: 'overload' }]], true)
  elements(html)
  assertSelfContained(html)
  for (const text of ['href="#s1"', 'href="#s2"', 'id="s1"', 'id="s2"', '2 scenarios', '>difference<', '−6.9 pt']) {
    assert.ok(html.includes(text), text)
  }
})

test('the drawing is one well-formed SVG with all charts below each other', () => {
  const svg = sheet([played])
  assert.equal(elements(svg).filter((name) => name === 'svg').length, 8)
  assertSelfContained(svg)
  const tops = [...svg.matchAll(/<svg[^>]* y="(\d+)" width="980" height="(\d+)"/g)].map(
    ([, y, height]) => [Number(y), Number(height)] as const,
  )
  assert.equal(tops.length, 7)
  for (const [index, [y]] of tops.entries()) {
    const before = tops[index - 1]
    if (before !== undefined) assert.ok(y >= before[0] + before[1], `drawing ${index} overlaps`)
  }
})

test('a name with markup in it is text', () => {
  const name = `"><script>alert('x')</script>&\u0007`
  const hostile = {
    ...guardedResult,
    label: name,
    scenario: name,
    title: name,
    outages: [{ fromMs: 0, toMs: 9, what: name }],
  }
  for (const markup of [page([[hostile, unguardedResult]]), sheet([[hostile]])]) {
    elements(markup)
    assertSelfContained(markup)
  }
  assert.equal(escaped(name), "&quot;&gt;&lt;script&gt;alert('x')&lt;/script&gt;&amp;\uFFFD")
})

test('a result without an outage, a breaker or an answer can be drawn', () => {
  const { series } = guardedResult
  const nothing = series.good.map(() => 0)
  const bare = {
    ...guardedResult,
    outages: [],
    breakers: [],
    services: [],
    series: {
      ...series,
      good: nothing,
      offered: nothing,
      failed: nothing,
      refused: nothing,
      inFlight: nothing,
      p99: nothing.map(() => null),
    },
  }
  elements(page([[bare]]))
  elements(sheet([[bare]]))
  assert.equal(strips([bare]), undefined)
})

test('no coordinate is undefined, infinite or NaN', () => {
  for (const markup of [page([played]), sheet([played])]) assert.doesNotMatch(markup, /="[^"]*(NaN|Infinity|undefined)/)
})

test('a line is interrupted where a value is missing, and a lone value is seen', () => {
  const svg = chart({
    title: 'p99',
    unit: 'ms',
    stepMs: 1000,
    durationMs: 5000,
    outages: [],
    format: String,
    logarithmic: true,
    lines: [{ label: 'a', values: [1, null, 10, 100, null] }],
  })
  assert.equal(svg.match(/class="run tone0"/g)?.length, 2)
})

test('axes end at round values and cover what they show', () => {
  assert.deepEqual(linear(87, 100, 0).ticks, [0, 25, 50, 75, 100])
  assert.deepEqual(linear(0, 100, 0).ticks, [0, 0.25, 0.5, 0.75, 1])
  assert.equal(linear(100, 100, 0).at(100), 0)
  for (const max of [0.3, 1, 7, 99, 100, 101, 2040, 123_456]) {
    const { ticks, at } = linear(max, 100, 0)
    assert.ok((ticks.at(-1) ?? 0) >= max && ticks.length <= 6, String(max))
    assert.ok(at(max) >= 0 && at(0) === 100)
  }
  assert.deepEqual(logarithmic(3, 800, 100, 0).ticks, [1, 10, 100, 1000])
  assert.equal(logarithmic(3, 800, 100, 0).at(0.01), 100)
  assert.equal(logarithmic(1, 100, 100, 0).at(10), 50)
  assert.deepEqual(time(60_000, 0, 600).ticks.slice(0, 3), [0, 5000, 10_000])
  assert.equal(time(60_000, 0, 600).at(60_000), 600)
})
