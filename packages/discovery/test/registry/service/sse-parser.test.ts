import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type ServerSentEvent, SseParser } from '../../../src/registry/service/sse-parser.ts'

const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

/** The standard's algorithm, word by word, over a whole text: slow, and easy to compare with the standard. */
function reference(bytes: Uint8Array): { events: ServerSentEvent[]; id: string } {
  const text = new TextDecoder('utf-8').decode(bytes)
  const lines = text.split(/\r\n|\n|\r/)
  // What has no end of line is not a line yet.
  lines.pop()
  const events: ServerSentEvent[] = []
  let [data, type, buffer, id] = ['', '', '', '']
  for (const line of lines) {
    if (line === '') {
      id = buffer
      if (data !== '')
        events.push({ type: type === '' ? 'message' : type, data: data.replace(/\n$/, ''), lastEventId: id })
      data = ''
      type = ''
      continue
    }
    if (line.startsWith(':')) continue
    const at = line.indexOf(':')
    const field = at < 0 ? line : line.slice(0, at)
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '')
    if (field === 'event') type = value
    else if (field === 'data') data += `${value}\n`
    else if (field === 'id' && !value.includes('\0')) buffer = value
  }
  return { events, id }
}

function parse(bytes: Uint8Array, cuts: readonly number[]): { events: ServerSentEvent[]; id: string } {
  const parser = new SseParser()
  const events: ServerSentEvent[] = []
  let from = 0
  for (const cut of [...cuts].toSorted((a, b) => a - b)) {
    events.push(...parser.push(bytes.subarray(from, cut)))
    from = cut
  }
  events.push(...parser.push(bytes.subarray(from)))
  return { events, id: parser.lastEventId }
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const all = (text: string): ServerSentEvent[] => parse(bytesOf(text), []).events

describe('an event stream', () => {
  it('is read as the standard has it', () => {
    assert.deepEqual(
      all('data: one\n\ndata: two\r\rdata: three\r\n\r\n').map(({ data }) => data),
      ['one', 'two', 'three'],
    )
    assert.deepEqual(all('data: a\ndata:b\ndata:  c\n\n'), [{ type: 'message', data: 'a\nb\n c', lastEventId: '' }])
    assert.deepEqual(all('event: view\nid: e:1\ndata: x\n\n'), [{ type: 'view', data: 'x', lastEventId: 'e:1' }])
    assert.deepEqual(
      all(': comment\ndata: x\n: another\n\n').map(({ data }) => data),
      ['x'],
    )
    assert.deepEqual(
      all('\ufeffdata: x\n\n').map(({ data }) => data),
      ['x'],
      'a byte order mark at the beginning',
    )
    assert.deepEqual(all('data\n\n'), [{ type: 'message', data: '', lastEventId: '' }], 'a field without a colon')
    assert.deepEqual(all('data: unfinished'), [])
    assert.deepEqual(all('data: unfinished\n'), [])
    assert.deepEqual(
      all('event: alone\n\ndata: x\n\n').map(({ type }) => type),
      ['message'],
      'a type without data is gone',
    )
    assert.deepEqual(
      all('id: 7\n\ndata: x\n\n').map(({ lastEventId }) => lastEventId),
      ['7'],
      'an id without data counts',
    )
    assert.deepEqual(
      all('id: 7\0\ndata: x\n\n').map(({ lastEventId }) => lastEventId),
      [''],
      'an id with NUL does not',
    )
    assert.deepEqual(all('Data: x\nretry: 5\nfoo: bar\n\n'), [], 'unknown fields')
  })

  it('is read alike wherever it is cut, in the midst of characters and of line ends too', () => {
    const word = fc.constantFrom(
      'data',
      'event',
      'id',
      'retry',
      ':',
      ' ',
      'x',
      'é',
      '𝄞',
      '\u2028',
      '\ufeff',
      '\0',
      'data: ',
    )
    const end = fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\r\r', '\r\n\r\n')
    const stream = fc.array(fc.oneof({ weight: 3, arbitrary: word }, { weight: 2, arbitrary: end }), { maxLength: 60 })
    fc.assert(
      fc.property(stream, fc.array(fc.nat(200), { maxLength: 12 }), (parts, cuts) => {
        const bytes = bytesOf(parts.join(''))
        const within = cuts.map((cut) => cut % (bytes.length + 1))
        assert.deepEqual(parse(bytes, within), reference(bytes))
        const everywhere = Array.from(bytes, (_, at) => at)
        assert.deepEqual(parse(bytes, everywhere), reference(bytes))
      }),
      { seed, numRuns: 2000 },
    )
  })

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(300), { maxLength: 5 }), (bytes, cuts) => {
        const within = cuts.map((cut) => cut % (bytes.length + 1))
        assert.deepEqual(parse(bytes, within), reference(bytes))
      }),
      { seed, numRuns: 500 },
    )
  })

  it('is bounded: one line, and many lines of one event', () => {
    const long = new SseParser(1000)
    assert.throws(
      () => {
        for (let chunk = 0; chunk < 100; chunk++) long.push(bytesOf('x'.repeat(100)))
      },
      { code: 'SG_REGISTRY_ANSWER' },
    )
    const many = new SseParser(1000)
    assert.throws(
      () => {
        for (let chunk = 0; chunk < 100; chunk++) many.push(bytesOf(`data: ${'x'.repeat(90)}\n`))
      },
      { code: 'SG_REGISTRY_ANSWER' },
    )
    const empty = new SseParser(1000)
    assert.throws(() => empty.push(bytesOf('data\n'.repeat(2000))), { code: 'SG_REGISTRY_ANSWER' })
    // The bound is of one event: a thousand small ones pass.
    const small = new SseParser(1000)
    for (let at = 0; at < 1000; at++) assert.equal(small.push(bytesOf('data: 0123456789\n\n')).length, 1)
  })

  it('costs the length of a line once, however many pieces it comes in', () => {
    const parser = new SseParser()
    const piece = bytesOf('x'.repeat(8))
    const begin = performance.now()
    for (let at = 0; at < 200_000; at++) parser.push(piece)
    assert.equal(parser.push(bytesOf('\n\n')).length, 0)
    assert.ok(performance.now() - begin < 5000)
  })
})
