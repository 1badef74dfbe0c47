import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LastGood } from '../src/last-good.ts'

const head = { status: 200, headers: [], storedAt: 0 }

function put(store: LastGood, key: string, size: number): void {
  const recording = store.record(key, head)
  recording.add(Buffer.alloc(size, key))
  recording.finish()
}

describe('LastGood', () => {
  it('keeps a copy of what passed by', () => {
    const store = new LastGood({ maxEntries: 10, maxBytes: 1000 })
    const chunk = Buffer.from('first ')
    const recording = store.record('/', head)
    recording.add(chunk)
    chunk.fill('x')
    recording.add(Buffer.from('second'))
    assert.equal(store.get('/'), undefined)
    recording.finish()
    assert.equal(Buffer.from(store.get('/')?.body ?? []).toString(), 'first second')
  })

  it('forgets what was unused for longest', () => {
    const store = new LastGood({ maxEntries: 2, maxBytes: 1000 })
    put(store, 'a', 1)
    put(store, 'b', 1)
    store.get('a')
    put(store, 'c', 1)
    assert.deepEqual(
      ['a', 'b', 'c'].map((key) => store.get(key) !== undefined),
      [true, false, true],
    )
  })

  it('stays within its bytes, whatever comes', () => {
    const store = new LastGood({ maxEntries: 1000, maxBytes: 1000 })
    for (let index = 0; index < 500; index++) {
      put(store, `/${index % 37}`, (index * 31) % 300)
      assert.ok(store.bytes <= 1000, `${store.bytes} bytes`)
    }
    assert.ok(store.size > 3)
  })

  it('replaces what it had, and counts it once', () => {
    const store = new LastGood({ maxEntries: 10, maxBytes: 1000 })
    for (let index = 0; index < 100; index++) put(store, 'a', 100)
    assert.equal(store.size, 1)
    assert.equal(store.bytes, 101)
  })

  it('lets no single answer take more than a quarter', () => {
    const store = new LastGood({ maxEntries: 10, maxBytes: 1000 })
    put(store, 'a', 249)
    put(store, 'b', 250)
    put(store, 'c', 5000)
    assert.deepEqual(
      ['a', 'b', 'c'].map((key) => store.get(key) !== undefined),
      [true, false, false],
    )
    const many = store.record('d', { ...head, headers: [['x', 'y'.repeat(300)]] })
    many.finish()
    assert.equal(store.get('d'), undefined)
  })

  it('drops an old answer that a too large one replaces, because it is no longer the last', () => {
    const store = new LastGood({ maxEntries: 10, maxBytes: 1000 })
    put(store, 'a', 10)
    const large = store.record('a', { ...head, headers: [['x', 'y'.repeat(300)]] })
    large.finish()
    assert.equal(store.get('a'), undefined)
    assert.equal(store.bytes, 0)
  })
})
