import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { seededRandom, VirtualClock } from '@switchgear/core/testing'
import { consulResolver } from '../../src/consul/consul.ts'
import type { ConsulOptions } from '../../src/consul/options.ts'
import type { Resolver } from '../../src/resolver.ts'
import { aWhile, Recording, until } from '../polling/recording.ts'
import { FakeConsul, instance } from './fake-consul.ts'

let clock: VirtualClock
let consul: FakeConsul
let url: string
let resolver: Resolver | undefined
let heard: Recording

beforeEach(async () => {
  clock = new VirtualClock()
  consul = new FakeConsul(clock)
  url = await consul.listen()
  heard = new Recording()
})

afterEach(async () => {
  await resolver?.close()
  resolver = undefined
  await consul.close()
  assert.deepEqual(consul.violations, [], 'the client broke a rule of Consul')
  assert.equal(clock.pending, 0, 'a timer was left behind')
})

function watch(options: Partial<ConsulOptions> = {}, service = 'payments'): { close(): void } {
  resolver = consulResolver({ url, clock, random: seededRandom(1), ...options })
  return resolver.watch(service, heard)
}

/** Moves time in steps, so that what sockets bring in between finds its timers. */
async function pass(ms: number, steps = 1): Promise<void> {
  for (let step = 0; step < steps; step++) {
    await clock.advance(ms / steps)
    await aWhile()
  }
}

const count = (): number => heard.log.length
const indexes = (): (string | null)[] => consul.questions.map((question) => question.searchParams.get('index'))

describe('blocking queries', () => {
  it('tell what there is, then every change as it happens', async () => {
    consul.set('payments', [instance('a'), instance('b', { service: { Address: '10.0.0.2' } })])
    watch()
    assert.equal(count(), 0, 'nothing is told within watch()')
    await until(() => count() === 1, 'the first answer')
    assert.deepEqual(heard.ids, ['n1/a', 'n1/b'])
    assert.equal(heard.last.complete, true)
    await until(() => consul.kept === 1, 'the second question is kept')
    consul.set('payments', [instance('b', { service: { Address: '10.0.0.2' } })])
    await until(() => count() === 2, 'the change')
    assert.deepEqual(heard.ids, ['n1/b'])
    assert.deepEqual(indexes().slice(0, 2), [null, '11'])
    assert.equal(consul.questions[1]?.searchParams.get('wait'), '300000ms')
  })

  it('tell a name that does not exist as a complete snapshot without endpoints, and wait for it', async () => {
    watch()
    await until(() => consul.kept === 1, 'the question is kept')
    assert.deepEqual(heard.last, { endpoints: [], complete: true })
    consul.set('payments', [instance('a')])
    await until(() => heard.ids.length === 1, 'it came')
  })

  it('send token, datacenter, tags, namespace and the rest as documented', async () => {
    consul.token = 'b1gs33cr3t'
    consul.set('pay ments/é', [instance('a')])
    const options = { token: 'b1gs33cr3t', datacenter: 'dc1', tag: ['v2', 'a&b'], namespace: 'shop' }
    watch({ ...options, passingOnly: true, stale: true }, 'pay ments/é')
    await until(() => count() === 1, 'the answer')
    assert.deepEqual(heard.ids, ['n1/a'])
    const [question] = consul.questions
    assert.equal(question?.search, '?dc=dc1&ns=shop&tag=v2&tag=a%26b&passing=true&stale=true')
  })

  it('take an unchanged index, an early answer and a new index with the same data as no news', async () => {
    consul.set('payments', [instance('a')])
    watch()
    await until(() => consul.kept === 1, 'kept')
    consul.wake()
    await until(() => consul.questions.length === 3 && consul.kept === 1, 'asked again after an early answer')
    consul.touch()
    await pass(5000)
    await until(() => consul.questions.length === 4 && consul.kept === 1, 'asked again after a new index')
    assert.deepEqual(indexes(), [null, '11', '11', '12'])
    assert.equal(count(), 1)
  })

  it('are waited for as long as Consul may keep them, and a sixteenth longer', async () => {
    consul.set('payments', [instance('a')])
    watch({ wait: '64s', timeout: '1s' })
    await until(() => consul.kept === 1, 'kept')
    await pass(67_999)
    assert.equal(consul.kept, 1)
    await pass(1)
    await until(() => consul.questions.length === 3, 'asked again')
    assert.equal(count(), 1, 'the end of a wait is neither news nor a failure')
  })

  it('begin anew when the index goes back, and do not count as complete until Consul has settled', async () => {
    consul.set('payments', [instance('a'), instance('b')])
    consul.index = 500n
    consul.touch()
    watch({ settleFor: '60s', atMostEvery: '1s' })
    await until(() => consul.kept === 1, 'kept')
    assert.equal(heard.last.complete, true)
    consul.index = 3n
    consul.set('payments', [instance('a')])
    await until(() => count() === 2, 'the answer of the restored server')
    assert.deepEqual([heard.ids, heard.last.complete], [['n1/a'], false])
    await pass(1000)
    await until(() => consul.kept === 1, 'kept again')
    assert.deepEqual(indexes().slice(-2), [null, '4'])
    assert.equal(consul.questions.at(-1)?.searchParams.get('wait'), '10000ms', 'it is checked soon')
    await pass(75_000, 12)
    assert.equal(heard.last.complete, true)
    await until(() => consul.kept === 1, 'kept for the full time')
    assert.equal(consul.questions.at(-1)?.searchParams.get('wait'), '300000ms')
  })

  it('never ask with an index that is missing, garbage or zero, and do not busy-loop then', async () => {
    consul.set('payments', [instance('a')])
    const bad = [undefined, 'banana', '-5', '99999999999999999999', '1e3', '']
    for (const index of bad)
      consul.tricks.push((response) => {
        if (index !== undefined) response.setHeader('x-consul-index', index)
        response.end(JSON.stringify([instance('a')]))
      })
    watch({ atMostEvery: '1s' })
    await until(() => consul.questions.length === 4, 'the burst')
    await aWhile()
    assert.equal(consul.questions.length, 4, 'three more may follow at once, then there is a wait')
    await pass(4000, 4)
    assert.deepEqual(indexes().slice(0, 7), Array(7).fill(null))
    assert.equal(count(), 1)
  })

  it('ask with one when the index is zero, which is a known fault', async () => {
    consul.set('payments', [instance('a')])
    consul.tricks.push((response) => response.setHeader('x-consul-index', '0').end('null'))
    watch()
    await until(() => consul.kept === 1, 'kept')
    assert.deepEqual(indexes(), [null, '1', '11'])
    assert.deepEqual(
      heard.snapshots.map(({ endpoints }) => endpoints.length),
      [0, 1],
    )
  })

  it('slow down when answers churn', async () => {
    consul.set('payments', [instance('a')])
    watch({ atMostEvery: '5s' })
    await until(() => consul.kept === 1, 'kept')
    for (let change = 0; change < 200; change++) {
      consul.set('payments', [instance('a', { service: { Port: 1000 + change } })])
      await clock.advance(100)
      if (change % 10 === 0) await aWhile()
    }
    // 20 s of changes: the first, a burst of 3, and one per 5 s, with one to spare.
    assert.ok(consul.questions.length <= 9, `${consul.questions.length} questions`)
    await pass(15_000, 3)
    assert.equal(heard.last.endpoints[0]?.port, 1199, 'the last change is heard all the same')
  })
})

describe('what a registry says when it is not well', () => {
  it('an answer without a known leader, or long without contact to it, is not complete', async () => {
    consul.set('payments', [instance('a')])
    consul.headers = { 'x-consul-knownleader': 'false', 'x-consul-lastcontact': '0' }
    watch({ stale: true, atMostEvery: '1s' })
    await until(() => count() === 1, 'the answer')
    assert.equal(heard.last.complete, false)
    consul.headers = { 'x-consul-knownleader': 'true', 'x-consul-lastcontact': '5001' }
    await pass(12_000, 3)
    assert.equal(heard.last.complete, false)
    consul.headers = { 'x-consul-knownleader': 'true', 'x-consul-lastcontact': '20' }
    await pass(12_000, 3)
    assert.equal(heard.last.complete, true)
  })

  it('an empty answer after a restart is not complete, and is asked for without the old index', async () => {
    consul.set('payments', [instance('a'), instance('b')])
    watch({ settleFor: '30s' })
    await until(() => consul.kept === 1, 'kept')
    consul.restart(2n)
    await until(() => heard.errors.length === 1, 'the connection breaks')
    assert.equal(heard.error.code, 'SG_CONSUL_FAILED')
    await pass(500)
    await until(() => count() === 3, 'the empty answer')
    assert.deepEqual(heard.last, { endpoints: [], complete: false })
    consul.set('payments', [instance('a'), instance('b')])
    await pass(10_000, 2)
    assert.deepEqual([heard.ids, heard.last.complete], [['n1/a', 'n1/b'], false])
    await pass(45_000, 8)
    assert.deepEqual([heard.ids, heard.last.complete], [['n1/a', 'n1/b'], true])
  })

  it('a poll without a single byte is ended and counts as failed', async () => {
    consul.set('payments', [instance('a')])
    watch({ wait: '16s', timeout: '2s' })
    await until(() => consul.kept === 1, 'kept')
    consul.tricks.push(() => undefined)
    consul.wake()
    await until(() => consul.questions.length === 3, 'the question that hangs')
    await pass(18_999)
    assert.equal(heard.errors.length, 0)
    await pass(1)
    await until(() => heard.errors.length === 1, 'it is ended')
    assert.match(heard.error.message, /did not answer within 19000 ms/)
    await pass(500)
    await until(() => heard.snapshots.length === 2, 'told again, although nothing changed')
  })

  it('a first question, slow headers and a body that stops halfway have a deadline', async () => {
    consul.set('payments', [instance('a')])
    consul.tricks.push(() => undefined)
    consul.tricks.push((response) => response.writeHead(200, { 'x-consul-index': '11' }).write('[{"Node":'))
    consul.tricks.push((_, request) => request.socket.write('HTTP/1.1 200 OK\r\nX-Cons'))
    watch({ timeout: '2s' })
    for (let failure = 1; failure <= 3; failure++) {
      await until(() => consul.questions.length === failure, 'asked')
      await aWhile()
      await pass(2000)
      await until(() => heard.errors.length === failure, 'ended')
      await pass(2000)
    }
    await until(() => heard.snapshots.length === 1, 'heard')
  })

  it('waits grow while it fails, honour Retry-After, and begin small again', async () => {
    for (let failure = 0; failure < 8; failure++)
      consul.tricks.push((response) => response.writeHead(500).end('No cluster leader'))
    consul.tricks.push((response) => response.writeHead(429, { 'retry-after': '45' }).end('rate limit exceeded'))
    watch({ random: () => 0 })
    const waits = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
    for (const [nth, wait] of waits.entries()) {
      await until(() => heard.errors.length === nth + 1, `failure ${nth + 1}`)
      await pass(wait - 1)
      assert.equal(consul.questions.length, nth + 1)
      await pass(1)
    }
    assert.match(heard.errors[0]?.message ?? '', /answered 500: No cluster leader/)
    await until(() => heard.errors.length === 9, '429')
    await pass(44_999)
    assert.equal(consul.questions.length, 9)
    await pass(1)
    await until(() => heard.snapshots.length === 1 && consul.kept === 1, 'well again')
    consul.tricks.push((response) => response.writeHead(500).end())
    consul.wake()
    await until(() => heard.errors.length === 10, 'fails again')
    await pass(500)
    await until(() => heard.snapshots.length === 2, 'after the small wait')
  })

  it('403 says what to check and never shows the token', async () => {
    consul.token = 'the-right-one'
    watch({ token: 'the-wrong-one' })
    await until(() => heard.errors.length === 1, 'refused')
    assert.equal(heard.error.code, 'SG_CONSUL_REFUSED')
    assert.match(heard.error.message, /service:read and node:read/)
    assert.match(heard.error.message, /token \[secret\] lacks/)
    assert.ok(!JSON.stringify(heard.error).includes('wrong-one') && !heard.error.message.includes('wrong-one'))
  })

  it('an answer that ACLs left empty is a refusal, one they thinned out is not complete', async () => {
    consul.set('payments', [])
    consul.headers['x-consul-results-filtered-by-acls'] = 'true'
    watch()
    await until(() => heard.errors.length === 1, 'refused')
    assert.equal(heard.error.code, 'SG_CONSUL_REFUSED')
    consul.set('payments', [instance('a')])
    await pass(500)
    await until(() => heard.snapshots.length === 1, 'the rest')
    assert.equal(heard.last.complete, false)
  })

  it('garbage, a wrong shape, an answer that is too large and a reset are failures that name what came', async () => {
    consul.tricks.push((response) => response.end('<html>proxy error</html>'))
    consul.tricks.push((response) => response.end('{"a":1}'))
    consul.tricks.push((response) => response.end(`["${'x'.repeat(5000)}"]`))
    consul.tricks.push((_, request) => request.socket.resetAndDestroy())
    consul.tricks.push((response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end())
    consul.tricks.push((response) => response.writeHead(500).end('x'.repeat(100_000)))
    consul.tricks.push((response) => response.end('[1,null,"x",{}]'))
    watch({ maxAnswerBytes: 4096, random: () => 0 })
    const expected = [
      /no JSON: <html>proxy error/,
      /no list of instances/,
      /more than 4096 bytes/,
      /cannot be reached/,
      /answered 302/,
      /answered 500/,
      /no usable entry: payments\.address/,
    ]
    for (const [nth, pattern] of expected.entries()) {
      await until(() => heard.errors.length === nth + 1, `failure ${nth + 1}`)
      assert.match(heard.error.message, pattern)
      assert.equal(heard.error.code, 'SG_CONSUL_FAILED')
      await pass(Math.min(30_000, 500 * 2 ** nth))
    }
    await until(() => heard.snapshots.length === 1, 'well again')
  })

  it('an unusable entry is left out and told of once, the rest is used', async () => {
    const problems: string[] = []
    consul.set('payments', [instance('a'), instance('b', { service: { Port: 0 } })])
    watch({ onProblem: (problem) => problems.push(problem) })
    await until(() => consul.kept === 1, 'kept')
    consul.set('payments', [instance('c'), instance('b', { service: { Port: 0 } })])
    await until(() => count() === 2, 'the change')
    assert.deepEqual(heard.ids, ['n1/c'])
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', /n1\/b of payments cannot be used: payments.port must be/)
  })

  it('a name that no path can hold is a service that does not exist, and nobody is asked', async () => {
    watch({}, '..')
    await until(() => count() === 1, 'told')
    assert.deepEqual(heard.last, { endpoints: [], complete: true })
    await aWhile()
    assert.equal(consul.questions.length, 0)
  })
})

describe('closing', () => {
  it('a watch ends its question and tells nothing more; the others go on', async () => {
    consul.set('payments', [instance('a')])
    consul.set('orders', [instance('o')])
    const watching = watch()
    const other = new Recording()
    resolver?.watch('orders', other)
    await until(() => consul.kept === 2, 'both kept')
    watching.close()
    watching.close()
    await until(() => consul.kept === 1, 'one ended')
    consul.set('payments', [instance('b')])
    consul.set('orders', [instance('p')])
    await until(() => other.snapshots.length === 2, 'the other hears')
    assert.equal(count(), 1)
  })

  it('the resolver ends everything: connections, timers, and it watches no more', async () => {
    consul.set('payments', [instance('a')])
    watch()
    resolver?.watch('orders', new Recording())
    await until(() => consul.kept === 2, 'both kept')
    await resolver?.close()
    await resolver?.close()
    await until(() => consul.connections === 0, 'no connection is left')
    assert.equal(clock.pending, 0)
    assert.equal(heard.errors.length, 0)
    assert.throws(() => resolver?.watch('payments', heard), { code: 'SG_BAD_OPTIONS' })
  })

  it('while it waits to ask again leaves nothing either', async () => {
    consul.tricks.push((response) => response.writeHead(500).end())
    watch()
    await until(() => clock.pending === 1 && heard.errors.length === 1, 'it waits')
    await resolver?.close()
    assert.equal(clock.pending, 0)
    await pass(60_000)
    assert.equal(consul.questions.length, 1)
  })
})

describe('options', () => {
  it('are checked, and what may be a secret is not shown', () => {
    const wrong: [Partial<ConsulOptions>, RegExp][] = [
      [{ url: 'consul:8500' }, /consul\.url/],
      [{ url: 'http://me:pass@host' }, /^(?!.*pass).*consul\.url/],
      [{ wait: '11m' }, /consul\.wait/],
      [{ wait: '10ms' }, /consul\.wait/],
      [{ token: 'a\nb' }, /^(?!.*a\n).*consul\.token/],
      [{ datacenter: '' }, /consul\.datacenter/],
      [{ tag: 5 as unknown as string }, /consul\.tag/],
      [{ maxAnswerBytes: 1 }, /consul\.maxAnswerBytes/],
      [{ tokn: 'x' } as unknown as Partial<ConsulOptions>, /consul\.tokn is not an option/],
    ]
    for (const [options, pattern] of wrong)
      assert.throws(() => consulResolver({ url, ...options }), { code: 'SG_BAD_OPTIONS', message: pattern })
  })
})
