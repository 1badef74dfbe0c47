import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { lookAway } from '@switchgear/core/observe'
import { VirtualClock } from '@switchgear/core/testing'
import { endpoint } from '../../src/endpoint.ts'
import { Deadline } from '../../src/polling/deadline.ts'
import { News } from '../../src/polling/news.ts'
import { Pace } from '../../src/polling/pace.ts'
import { Poll, untilAborted } from '../../src/polling/poll.ts'
import { excerpt, retryAfter, SourceError } from '../../src/polling/source-error.ts'
import { Recording } from './recording.ts'

describe('a pace', () => {
  it('lets a burst pass, then one in its time, and refills while nothing is asked', () => {
    const pace = new Pace(2, 1000)
    assert.deepEqual([pace.take(0), pace.take(0), pace.take(0), pace.take(500)], [0, 0, 1000, 1500])
    assert.deepEqual([pace.take(10_000), pace.take(10_000), pace.take(10_000)], [0, 0, 1000])
  })
})

describe('a poll', () => {
  const settings = { burst: 2, everyMs: 1000, retryMs: 100, retryMaxMs: 400, random: () => 0 }

  it('begins later than the call that makes it, grows its waits and resets them when it is heard', async () => {
    const clock = new VirtualClock()
    const asked: number[] = []
    const errors: Error[] = []
    let hear = false
    const poll = new Poll(
      async (_, heard) => {
        asked.push(clock.now())
        if (hear) heard()
        throw new Error('no')
      },
      (error) => errors.push(error),
      { ...settings, clock },
    )
    assert.equal(asked.length, 0)
    await clock.advance(1500)
    assert.deepEqual(asked, [0, 100, 300, 700, 1100, 1500])
    hear = true
    await clock.advance(700)
    assert.deepEqual(asked.slice(6), [1900, 2000, 2100, 2200])
    assert.equal(errors.length, asked.length)
    poll.close()
    assert.equal(clock.pending, 0)
  })

  it('is silent from the moment it is closed, also about a question that fails because of that', async () => {
    const clock = new VirtualClock()
    const errors: Error[] = []
    const ask = async (signal: AbortSignal): Promise<void> => {
      await untilAborted(signal)
      throw new Error('aborted')
    }
    const poll = new Poll(ask, (error) => errors.push(error), { ...settings, clock })
    await clock.advance(10)
    poll.close()
    await clock.advance(10_000)
    assert.deepEqual([errors.length, clock.pending], [0, 0])
  })

  it('asks outside of every trace', async () => {
    const clock = new VirtualClock()
    const trace = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const end = lookAway((run) => trace.run('quiet', run))
    try {
      const ask = async (): Promise<void> => {
        seen.push(trace.getStore())
      }
      const poll = trace.run('loud', () => new Poll(ask, () => undefined, { ...settings, clock }))
      await trace.run('loud', () => clock.advance(3000))
      poll.close()
      assert.ok(seen.length > 3 && seen.every((name) => name === 'quiet'), String(seen))
    } finally {
      end()
    }
  })

  it('obeys a source that asks for more time, within reason', async () => {
    const clock = new VirtualClock()
    const asked: number[] = []
    const waits = [5000, 10 ** 9]
    const ask = async (): Promise<void> => {
      asked.push(clock.now())
      throw new SourceError('SG_X', 'busy', { retryAfterMs: waits[asked.length - 1] })
    }
    const poll = new Poll(ask, () => undefined, { ...settings, clock })
    await clock.advance(400_000)
    assert.deepEqual(asked.slice(0, 3), [0, 5000, 305_000])
    poll.close()
  })
})

describe('news', () => {
  it('are told once, and again after a failure', () => {
    const heard = new Recording()
    const news = new News(heard)
    const one = (): ReturnType<typeof endpoint> => endpoint({ address: '10.0.0.1', port: 1 }, 'x')
    news.found({ endpoints: [one()], complete: true })
    news.found({ endpoints: [one()], complete: true })
    news.found({ endpoints: [one()], complete: false })
    news.found({ endpoints: [one()], complete: false, left: ['y'] })
    news.failed(new Error('away'))
    news.found({ endpoints: [one()], complete: false })
    news.close()
    news.found({ endpoints: [], complete: true })
    news.failed(new Error('away'))
    assert.deepEqual([heard.snapshots.length, heard.errors.length], [4, 1])
  })
})

describe('a deadline', () => {
  it('comes when its time is over or the outer signal is aborted, can be extended, and leaves nothing behind', async () => {
    const clock = new VirtualClock()
    const outer = new AbortController()
    const late = new Error('late')
    const one = new Deadline(clock, outer.signal, 100, () => late)
    one.extend(200)
    await clock.advance(199)
    assert.equal(one.signal.aborted, false)
    await clock.advance(1)
    assert.equal(one.signal.reason, late)
    const other = new Deadline(clock, outer.signal, 100, () => late)
    outer.abort(new Error('ended'))
    assert.equal((other.signal.reason as Error).message, 'ended')
    assert.equal(new Deadline(clock, outer.signal, 100, () => late).signal.aborted, true)
    one.end()
    assert.equal(clock.pending, 0)
  })
})

describe('words of a peer', () => {
  it('are short, printable and without what is secret', () => {
    assert.equal(excerpt('a\r\n\u001b[31mb s3cret', 's3cret'), 'a [31mb [secret]')
    assert.equal(excerpt('a\u2028b\u202e\u2069c\u200bé'), 'a b c é')
    assert.equal(excerpt('x'.repeat(999)).length, 203)
    assert.equal(retryAfter('7', 0), 7000)
    assert.equal(retryAfter('Thu, 01 Jan 1970 00:01:00 GMT', 20_000), 40_000)
    assert.equal(retryAfter('Thu, 01 Jan 1970 00:00:00 GMT', 20_000), 0)
    assert.equal(retryAfter('soon', 0), undefined)
  })
})

describe('a process that only watches', () => {
  it('ends by itself, in spite of questions that are being kept', async () => {
    const server = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const source = new URL('../../src/', import.meta.url).href
    const program = `
      import { consulResolver } from '${source}consul/consul.ts'
      import { kubernetesResolver } from '${source}kubernetes/kubernetes.ts'
      const watcher = { found() {}, failed() {} }
      consulResolver({ url: '${url}' }).watch('a', watcher)
      kubernetesResolver({ server: '${url}', namespace: 'x' }).watch('a', watcher)
      setTimeout(() => console.log('done'), 200)`
    try {
      const options = ['--conditions=@switchgear/source', '--input-type=module', '--eval', program]
      const begunAt = performance.now()
      const { stdout } = await promisify(execFile)(process.execPath, options, { timeout: 20_000 })
      assert.equal(stdout, 'done\n')
      assert.ok(performance.now() - begunAt < 9000, 'it did not wait for the time limit of the questions')
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})
