import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BodySource } from '../src/body-source.ts'

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

async function read(source: BodySource, most = Infinity): Promise<string> {
  let text = ''
  let count = 0
  for await (const chunk of source) {
    text += Buffer.from(chunk as Uint8Array).toString()
    if (++count >= most) break
  }
  return text
}

describe('BodySource', () => {
  it('begins again at its first byte while it is within its bound', async () => {
    const source = new BodySource(pieces('one ', 'two ', 'three'), 100)
    assert.equal(await read(source, 1), 'one ')
    assert.equal(source.replayable, true)
    assert.equal(await read(source, 2), 'one two ')
    assert.equal(await read(source), 'one two three')
    assert.equal(await read(source), 'one two three')
  })

  it('is sent once beyond it, whole', async () => {
    const source = new BodySource(pieces('one ', 'two ', 'three'), 5)
    assert.equal(await read(source, 1), 'one ')
    assert.equal(await read(source), 'one two three')
    assert.equal(source.replayable, false)
  })

  it('loses no piece that came for a try which had ended', async () => {
    let give: (value: IteratorResult<Uint8Array>) => void = () => assert.fail('nobody asked')
    const iterator = { next: () => new Promise<IteratorResult<Uint8Array>>((resolve) => (give = resolve)) }
    const source = new BodySource({ [Symbol.asyncIterator]: () => iterator }, 10)
    const first = source[Symbol.asyncIterator]().next()
    const second = read(source)
    give({ done: false, value: Buffer.from('longer than ten bytes') })
    await assert.rejects(first, /no longer wanted/)
    await new Promise((resolve) => setImmediate(resolve))
    give({ done: true, value: undefined })
    assert.equal(await second, 'longer than ten bytes')
  })

  it('never ends early: who reads it when it was released fails', async () => {
    const source = new BodySource(new ReadableStream({ pull: () => new Promise(() => undefined) }))
    const reading = assert.rejects(read(source), /no longer wanted/)
    await new Promise((resolve) => setImmediate(resolve))
    source.release()
    source.release()
    await reading
    assert.equal(source.replayable, false)
  })

  it("tells its own fault, and passes on no value that is not a body's", async () => {
    const broken = new Error('the disk is gone')
    const source = new BodySource(
      (async function* () {
        yield Buffer.from('x')
        throw broken
      })(),
    )
    await assert.rejects(read(source), (error) => error === broken)
    assert.equal(source.fault?.error, broken)
    assert.equal(source.replayable, false)
    const odd = new BodySource(ReadableStream.from([42]) as unknown as ReadableStream<Uint8Array>)
    await assert.rejects(read(odd), /chunks must be bytes, got number/)
  })
})
