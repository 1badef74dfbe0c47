// Several sources as one: prefer, fall back, merge. Each by examples, and by random lives against what it promises.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import fc from 'fast-check'
import type { Resolver } from '../../src/resolver.ts'
import { fallingBack } from '../../src/sources/falling-back.ts'
import { merging } from '../../src/sources/merging.ts'
import { preferring } from '../../src/sources/preferring.ts'
import { complete, instance, ScriptedResolver } from '../roster/script.ts'
import { Hearing } from './hearing.ts'

const seed = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101)
const service = 'payments'

class Stage {
  readonly clock = new VirtualClock()
  readonly a = new ScriptedResolver('a')
  readonly b = new ScriptedResolver('b')
  readonly chain: Resolver
  readonly hearing: Hearing

  constructor(chain: (clock: VirtualClock, a: Resolver, b: Resolver) => Resolver) {
    this.chain = chain(this.clock, this.a, this.b)
    this.hearing = new Hearing(this.chain, service)
  }
}

const part = (...ids: string[]) => ({ ...complete(...ids), complete: false })

describe('preferring', () => {
  const stage = (): Stage => new Stage((_, a, b) => preferring(a, b))

  test('uses the second only while the first has none, and goes back', () => {
    const { a, b, hearing } = stage()
    b.found(service, complete('y'))
    assert.deepEqual(hearing.heard, [], 'the first has not said anything yet')
    a.found(service, complete())
    a.found(service, complete('x'))
    b.found(service, complete('z'))
    a.found(service, complete())
    a.found(service, complete('x'))
    assert.deepEqual(hearing.heard, ['y complete', 'x complete', 'z complete', 'x complete'])
  })

  test('the second helps out where the first never answered; once it had endpoints, it keeps its place', () => {
    const { a, b, hearing } = stage()
    a.failed(service)
    b.found(service, complete('y'))
    a.found(service, complete('x'))
    a.failed(service, new Error('gone'))
    b.found(service, complete('z'))
    a.found(service, part())
    a.found(service, complete('x'))
    assert.deepEqual(hearing.heard, ['y complete', 'x complete', 'failed gone', 'partly', 'x complete'])
  })

  test('that nobody has any is an answer only when nobody is missing', () => {
    const { a, b, hearing } = stage()
    a.found(service, complete('x'))
    a.found(service, { ...complete(), left: ['x'] })
    b.failed(service, new Error('b is down'))
    b.found(service, complete())
    a.found(service, complete())
    a.found(service, part())
    assert.deepEqual(hearing.heard, ['x complete', 'failed b is down', 'complete', 'partly'])
  })

  test('a departure is not forgotten when the next source is turned to', () => {
    const { a, b, hearing } = stage()
    a.found(service, complete('x'))
    b.found(service, complete('y'))
    a.found(service, { ...complete(), left: ['x'] })
    assert.equal(hearing.last, 'y complete left x')
    a.failed(service)
    assert.equal(hearing.heard.length, 2)
  })
})

describe('fallingBack', () => {
  const stage = (): Stage => new Stage((clock, a, b) => fallingBack({ after: 1000, clock }, a, b))

  test('uses the second while the first is failing, after a while, and goes back at once', async () => {
    const { clock, a, b, hearing } = stage()
    a.found(service, complete('x'))
    b.found(service, complete('y'))
    a.failed(service, new Error('a is down'))
    await clock.advance(999)
    assert.deepEqual(hearing.heard, ['x complete', 'failed a is down'])
    await clock.advance(1)
    assert.equal(hearing.last, 'y complete')
    a.failed(service, new Error('a is still down'))
    b.found(service, complete('z'))
    assert.equal(hearing.last, 'z complete')
    a.found(service, complete('x'))
    assert.equal(hearing.last, 'x complete')
    assert.equal(clock.pending, 0)
  })

  test('does not move the traffic when a source comes and goes', async () => {
    const { clock, a, b, hearing } = stage()
    b.found(service, complete('y'))
    for (let n = 0; n < 10; n++) {
      a.found(service, complete('x'))
      await clock.advance(500)
      a.failed(service)
      await clock.advance(900)
    }
    assert.ok(
      hearing.heard.every((heard) => heard === 'x complete' || heard === 'failed down'),
      hearing.heard.join(),
    )
  })

  test('a source that never answered is not waited for; none is an answer', () => {
    const { a, b, hearing } = stage()
    a.failed(service)
    b.found(service, complete('y'))
    assert.deepEqual(hearing.heard, ['y complete'])
    a.found(service, complete())
    assert.deepEqual(hearing.heard, ['y complete', 'complete'])
  })

  test('where all fail what was used stays', async () => {
    const { clock, a, b, hearing } = stage()
    a.failed(service, new Error('a is down'))
    assert.deepEqual(hearing.heard, [])
    b.failed(service, new Error('b is down'))
    assert.deepEqual(hearing.heard, ['failed a is down'])
    b.found(service, complete('y'))
    b.failed(service, new Error('b is down'))
    await clock.advance(5000)
    assert.deepEqual(hearing.heard, ['failed a is down', 'y complete', 'failed b is down'])
    b.found(service, complete('y'))
    assert.equal(hearing.last, 'y complete')
  })

  test('closes its sources and its timer', async () => {
    const { clock, a, b, chain, hearing } = stage()
    a.found(service, complete('x'))
    a.failed(service)
    assert.equal(clock.pending, 1)
    hearing.end()
    assert.equal(clock.pending, 0)
    assert.deepEqual([a.watchers.size, b.watchers.size], [0, 0])
    const count = hearing.heard.length
    await chain.close()
    assert.deepEqual([a.isClosed, b.isClosed, hearing.heard.length], [true, true, count])
    assert.throws(() => fallingBack(), /one source at least/)
    assert.throws(() => fallingBack({ afer: 1 } as never, a), /fallingBack\.afer/)
  })
})

describe('merging', () => {
  const stage = (): Stage => new Stage((_, a, b) => merging(a, b))

  test('is the union, complete when all are; the first wins a place', () => {
    const { a, b, hearing } = stage()
    a.found(service, { endpoints: [instance('x'), instance('y', { zone: 'a' })], complete: true })
    assert.equal(hearing.last, 'x y partly')
    b.found(service, {
      endpoints: [instance('other', { address: 'x.test' }), instance('y'), instance('z')],
      complete: true,
    })
    assert.equal(hearing.last, 'x y z complete')
    assert.equal(hearing.snapshot?.endpoints[1]?.zone, 'a')
    a.found(service, { ...complete('y'), left: ['x'] })
    assert.equal(hearing.last, 'y other z complete left x')
  })

  test('one that fails keeps what it contributed, and nothing is missing meanwhile', () => {
    const { a, b, hearing } = stage()
    a.found(service, complete('x', 'y'))
    b.found(service, complete('z'))
    b.failed(service, new Error('b is down'))
    a.found(service, complete('x'))
    assert.deepEqual(hearing.heard.slice(-3), ['failed b is down', 'x z partly', 'failed b is down'])
    b.found(service, complete('z'))
    assert.equal(hearing.last, 'x z complete')
    a.failed(service, new Error('a is down'))
    b.failed(service, new Error('b is down'))
    assert.equal(hearing.last, 'failed a is down')
  })

  test('who left one source and is named by another has not left', () => {
    const { a, b, hearing } = stage()
    a.found(service, complete('x'))
    b.found(service, complete('x', 'z'))
    a.found(service, { ...complete(), left: ['x'] })
    assert.equal(hearing.last, 'x z complete')
  })
})

describe('chains in random lives', () => {
  const ids = ['x', 'y', 'z']
  const word = fc.record({
    source: fc.constantFrom(0, 1, 2),
    fails: fc.oneof({ weight: 1, arbitrary: fc.constant(true) }, { weight: 3, arbitrary: fc.constant(false) }),
    ids: fc.subarray(ids),
    complete: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
    waitMs: fc.constantFrom(0, 0, 500, 1000),
  })

  interface Belief {
    ids: string[] | undefined
    complete: boolean
    has: boolean
    failing: number | undefined
  }

  function live(
    words: readonly { source: number; fails: boolean; ids: string[]; complete: boolean; waitMs: number }[],
    make: (clock: VirtualClock, sources: readonly Resolver[]) => Resolver,
    expected: (beliefs: readonly Belief[], now: number) => string | undefined,
  ): void {
    const clock = new VirtualClock()
    const sources = [0, 1, 2].map((n) => new ScriptedResolver(`s${n}`))
    const beliefs = sources.map((): Belief => ({ ids: undefined, complete: false, has: false, failing: undefined }))
    const hearing = new Hearing(make(clock, sources), service)
    for (const word of words) {
      const belief = beliefs[word.source]
      if (belief === undefined) throw new Error('no such source')
      if (word.fails) belief.failing ??= clock.now()
      else {
        const has = word.ids.length > 0 || (belief.has && !word.complete)
        Object.assign(belief, { ids: word.ids, complete: word.complete, has, failing: undefined })
      }
      if (word.fails) sources[word.source]?.failed(service)
      else sources[word.source]?.found(service, { ...complete(...word.ids), complete: word.complete })
      clock.advanceSync(word.waitMs)
      const want = expected(beliefs, clock.now())
      if (want === undefined) continue
      const { endpoints = [], complete: isComplete = false } = hearing.snapshot ?? {}
      assert.equal(`${endpoints.map((one) => one.id).join('')} ${isComplete}`, want)
    }
  }

  const lives = (
    make: (clock: VirtualClock, sources: readonly Resolver[]) => Resolver,
    expected: (beliefs: readonly Belief[], now: number) => string | undefined,
  ): void =>
    fc.assert(
      fc.property(fc.array(word, { maxLength: 25 }), (words) => live(words, make, expected)),
      { seed, numRuns: 500 },
    )
  const saying = ({ ids = [], complete }: Belief): string => `${ids.join('')} ${complete}`

  test('preferring: the first that has endpoints, whoever spoke last', () => {
    lives(
      (_, sources) => preferring(...sources),
      (beliefs) => {
        const first = beliefs.find((belief) => belief.has || (belief.ids === undefined && belief.failing === undefined))
        return first?.has === true ? saying(first) : undefined
      },
    )
  })

  test('fallingBack: the first that answers or has only just stopped', () => {
    lives(
      (clock, sources) => fallingBack({ after: 1000, clock }, ...sources),
      (beliefs, now) => {
        const first = beliefs.find(
          ({ ids, failing }) => failing === undefined || (ids !== undefined && now < failing + 1000),
        )
        return first?.ids === undefined ? undefined : saying(first)
      },
    )
  })

  test('merging: what any of them said last, complete when all are heard and whole', () => {
    lives(
      (_, sources) => merging(...sources),
      (beliefs) => {
        if (beliefs.every((belief) => belief.ids === undefined)) return undefined
        const union = [...new Set(beliefs.flatMap((belief) => belief.ids ?? []))]
        return `${union.join('')} ${beliefs.every(({ ids, complete, failing }) => ids && complete && failing === undefined)}`
      },
    )
  })
})
