import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import { AccessLog, type AccessLevel, type AccessLogOptions } from '../../src/logs/access-log.ts'
import { type AccessFacts, accessRecord, type AccessRecord } from '../../src/logs/access-record.ts'
import { exchangeFacts, type GatewayExchange } from '../../src/logs/gateway-exchange.ts'
import { Redaction } from '../../src/logs/redaction.ts'
import { traceFields } from '../../src/logs/trace-fields.ts'
import { ratio } from '../../src/sampling/head.ts'
import { activeContext, runIn } from '../../src/trace/context.ts'
import { IdSource, hexOfWord } from '../../src/trace/ids.ts'
import { Traced } from '../trace/traced.ts'
import { Lines } from './lines.ts'

const redaction = new Redaction()
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const healthy: AccessFacts = { method: 'GET', status: 200, durationMs: 5 }

/** An access log on a virtual clock and what it wrote. */
function logged(options: Partial<AccessLogOptions> = {}): {
  log: AccessLog
  lines: AccessRecord[]
  levels: AccessLevel[]
  clock: VirtualClock
} {
  const lines: AccessRecord[] = []
  const levels: AccessLevel[] = []
  const clock = new VirtualClock()
  const write = (record: AccessRecord, level: AccessLevel): void => {
    lines.push(record)
    levels.push(level)
  }
  return { log: new AccessLog({ log: write, clock, ...options }), lines, levels, clock }
}

describe('a line', () => {
  it('has the names of the conventions', () => {
    const facts: AccessFacts = {
      method: 'POST',
      status: 201,
      durationMs: 12.3456,
      scheme: 'https',
      target: '/orders/7?color=blue&token=hunter2',
      route: '/orders/:id',
      host: 'shop.example:8443',
      clientAddress: '192.0.2.1',
      userAgent: 'tester',
      protocolVersion: '1.1',
      traceId,
      spanId: '00f067aa0ba902b7',
      traceFlags: '01',
      requestBodyBytes: 17,
      responseBodyBytes: 0,
      extra: { 'switchgear.service': 'orders', password: 'hunter2', absent: undefined },
    }
    assert.deepEqual(accessRecord(facts, redaction), {
      'http.request.method': 'POST',
      'url.scheme': 'https',
      'url.path': '/orders/7',
      'url.query': 'color=blue&token=REDACTED',
      'http.route': '/orders/:id',
      'http.response.status_code': 201,
      'http.server.request.duration': 0.012346,
      'server.address': 'shop.example',
      'server.port': 8443,
      'client.address': '192.0.2.1',
      'user_agent.original': 'tester',
      'network.protocol.version': '1.1',
      'http.request.body.size': 17,
      'http.response.body.size': 0,
      'switchgear.service': 'orders',
      password: 'REDACTED',
      trace_id: traceId,
      span_id: '00f067aa0ba902b7',
      trace_flags: '01',
    })
  })

  it('says only what is known, and why it failed', () => {
    assert.deepEqual(accessRecord({ method: 'PROPFIND', durationMs: 1, errorType: 'aborted' }, redaction), {
      'http.request.method': '_OTHER',
      'http.request.method_original': 'PROPFIND',
      'http.server.request.duration': 0.001,
      'error.type': 'aborted',
    })
    const typeOf = (status: number, errorType?: string): unknown =>
      accessRecord({ method: 'GET', status, durationMs: 1, errorType }, redaction)['error.type']
    assert.deepEqual(
      [typeOf(404), typeOf(500), typeOf(503, 'SG_TIMEOUT'), typeOf(502, '')],
      [undefined, '500', 'SG_TIMEOUT', '502'],
    )
  })
})

describe('an access log', () => {
  it('writes all by default and says how much each line matters', () => {
    const { log, lines, levels } = logged()
    const facts = [
      healthy,
      { ...healthy, status: 404 },
      { ...healthy, status: 500 },
      { ...healthy, errorType: 'aborted' },
    ]
    for (const each of [...facts, { ...healthy, durationMs: 1000 }, { ...healthy, durationMs: 999.9 }]) log.write(each)
    assert.equal(lines.length, 6)
    assert.deepEqual(levels, ['info', 'info', 'error', 'warn', 'warn', 'info'])
    assert.deepEqual(log.totals, { written: 6, sampledOut: 0, suppressed: 0, failed: 0 })
  })

  it('writes failed and slow requests whatever the share of the healthy ones', () => {
    const { log, lines } = logged({ healthyRatio: 0, slow: '100ms' })
    const notable = [{ status: 500 }, { errorType: 'aborted' }, { durationMs: 100 }]
    for (const each of [{}, ...notable, { status: 404, durationMs: 99 }]) log.write({ ...healthy, traceId, ...each })
    assert.equal(lines.length, 3)
    assert.deepEqual(log.totals, { written: 3, sampledOut: 2, suppressed: 0, failed: 0 })
    const quick = logged({ healthyRatio: 0, slow: false })
    quick.log.write({ ...healthy, durationMs: 1e9 })
    assert.equal(quick.lines.length, 0)
  })

  it('chooses healthy requests by their trace: as other services and the head sampler do, and more of them at a larger share', () => {
    const ids = new IdSource(fillSeeded)
    const logs = [0.1, 0.1, 0.5].map((healthyRatio) => logged({ healthyRatio, maxHealthyPerSecond: 10_000 }))
    const head = ratio(0.1)
    let written = 0
    for (let n = 0; n < 4000; n++) {
      const [traceA, traceB, traceC, traceD] = [ids.word(), ids.word(), ids.word(), ids.word()]
      const id = [traceA, traceB, traceC, traceD].map(hexOfWord).join('')
      const [here, there, more] = logs.map(({ log }) => log.write({ ...healthy, traceId: id }))
      const request = { parent: undefined, traceA, traceB, traceC, traceD, random: true } as never
      assert.equal(here, there)
      assert.equal(here, head.decide(request).sampled)
      assert.ok(here === false || more === true)
      if (here === true) written++
    }
    assert.ok(written > 320 && written < 480, String(written))
  })

  it('counts where there is no trace to go by', () => {
    for (const id of [undefined, 'nonsense', traceId.toUpperCase()]) {
      const { log, lines } = logged({ healthyRatio: 0.25 })
      const answers = Array.from({ length: 8 }, () => log.write({ ...healthy, traceId: id }))
      assert.deepEqual(answers, [false, false, false, true, false, false, false, true])
      assert.equal(lines.length, 2)
    }
  })

  it('bounds the lines of a second and tells how many it left out in the next one', async () => {
    const { log, lines, clock } = logged({ maxHealthyPerSecond: 3, maxNotablePerSecond: 2 })
    for (let n = 0; n < 10; n++) log.write(healthy)
    for (let n = 0; n < 5; n++) log.write({ ...healthy, status: 500 })
    assert.deepEqual(
      lines.map(({ suppressed }) => suppressed),
      [undefined, undefined, undefined, 7, undefined],
    )
    assert.deepEqual(log.totals, { written: 5, sampledOut: 0, suppressed: 10, failed: 0 })
    await clock.advance(999)
    assert.equal(log.write(healthy), false)
    await clock.advance(1)
    for (let n = 0; n < 4; n++) log.write(healthy)
    assert.deepEqual(
      lines.slice(5).map(({ suppressed }) => suppressed),
      [4, undefined, undefined],
    )
    await clock.advance(5000)
    log.write(healthy)
    assert.equal(lines.at(-1)?.['suppressed'], 1)
    const told = lines.reduce((sum, { suppressed = 0 }) => sum + Number(suppressed), 0)
    assert.equal(told, log.totals.suppressed)
  })

  it('outlives its destination and counts what that did not take', async () => {
    let broken: 'throws' | 'rejects' | undefined
    const lines: AccessRecord[] = []
    const { log, clock } = logged({
      maxHealthyPerSecond: 1,
      log: (record) => {
        if (broken === 'throws') throw new Error('disk full')
        if (broken === 'rejects') return Promise.reject(new Error('disk full'))
        lines.push(record)
        return undefined
      },
    })
    log.write(healthy)
    log.write(healthy)
    await clock.advance(1000)
    broken = 'throws'
    assert.equal(log.write(healthy), false)
    await clock.advance(1000)
    broken = 'rejects'
    log.write({ ...healthy, status: 500 })
    await clock.advance(0)
    assert.deepEqual(log.totals, { written: 1, sampledOut: 0, suppressed: 1, failed: 2 })
    broken = undefined
    log.write(healthy)
    await clock.advance(1000)
    log.write({
      get method(): string {
        throw new Error('unreadable')
      },
      durationMs: 1,
    })
    assert.deepEqual(log.totals, { written: 2, sampledOut: 0, suppressed: 1, failed: 3 })
  })

  it('tells after a failure what the failed line was to tell', async () => {
    let broken = false
    const lines: AccessRecord[] = []
    const { log, clock } = logged({
      maxHealthyPerSecond: 1,
      log: (record) => {
        if (broken) throw new Error('disk full')
        lines.push(record)
      },
    })
    for (let n = 0; n < 4; n++) log.write(healthy)
    broken = true
    await clock.advance(1000)
    log.write(healthy)
    broken = false
    await clock.advance(1000)
    log.write(healthy)
    assert.deepEqual(
      lines.map(({ suppressed }) => suppressed),
      [undefined, 3],
    )
  })

  it('is not given the trace of whoever is running', () => {
    const span = new Traced().start()
    const lines = new Lines({ mixin: traceFields })
    const log = new AccessLog({ log: (record, level) => lines.logger[level](record, 'request') })
    runIn(activeContext().withSpan(span), () => {
      log.write({ ...healthy, traceId })
      log.write(healthy)
    })
    const [first, second] = lines.all
    assert.equal(first?.['trace_id'], traceId)
    assert.equal(first?.['span_id'], undefined)
    assert.equal(second?.['trace_id'], undefined)
  })

  it('checks its options', () => {
    const log = (): void => {}
    const wrong: readonly (readonly [options: object, message: RegExp])[] = [
      [{}, /^accessLog\.log must be a function, got undefined$/],
      [{ log, healthyRatio: 2 }, /^accessLog\.healthyRatio must be in \[0, 1\], got 2$/],
      [{ log, maxHealthyPerSecond: 0 }, /^accessLog\.maxHealthyPerSecond must be a whole number >= 1, got 0$/],
      [{ log, maxNotablePerSecond: 1.5 }, /^accessLog\.maxNotablePerSecond must be a whole number >= 1, got 1\.5$/],
      [{ log, slow: 'soon' }, /^accessLog\.slow must be a duration .* got 'soon'$/],
      [{ log, redaction: {} }, /^accessLog\.redaction must be a Redaction, got an object$/],
      [{ log, ratio: 1 }, /^accessLog\.ratio is not an option/],
    ]
    for (const [options, message] of wrong) {
      assert.throws(() => new AccessLog(options as AccessLogOptions), { code: 'SG_BAD_OPTIONS', message })
    }
  })
})

describe('a request of the gateway', () => {
  const served: GatewayExchange = {
    method: 'GET',
    route: '/orders',
    service: 'orders',
    status: 200,
    seconds: 0.25,
    traceId,
    attempts: 2,
    code: undefined,
    cut: false,
    reason: undefined,
  }
  const recordOf = (changes: Partial<GatewayExchange>): AccessRecord =>
    accessRecord(exchangeFacts({ ...served, ...changes }), redaction)

  it('says what it knows', () => {
    assert.deepEqual(recordOf({}), {
      'http.request.method': 'GET',
      'http.route': '/orders',
      'http.response.status_code': 200,
      'http.server.request.duration': 0.25,
      'switchgear.service': 'orders',
      'switchgear.attempts': 2,
      trace_id: traceId,
    })
  })

  it('tells errors from answers in their place, and a status from none', () => {
    const of = (changes: Partial<GatewayExchange>): unknown[] => {
      const record = recordOf(changes)
      return [record['http.response.status_code'], record['error.type'], record['switchgear.error.code']]
    }
    assert.deepEqual(of({ status: 503, code: 'SG_CIRCUIT_OPEN' }), [503, 'SG_CIRCUIT_OPEN', 'SG_CIRCUIT_OPEN'])
    assert.deepEqual(of({ status: 500 }), [500, '500', undefined])
    assert.deepEqual(of({ code: 'SG_CIRCUIT_OPEN' }), [200, undefined, 'SG_CIRCUIT_OPEN'])
    assert.deepEqual(of({ status: 404, code: 'SG_NO_ROUTE' }), [404, undefined, 'SG_NO_ROUTE'])
    assert.deepEqual(of({ status: 499, reason: 'the client closed its connection' }), [undefined, 'aborted', undefined])
    assert.deepEqual(of({ status: 499 }), [499, undefined, undefined])
    assert.deepEqual(of({ cut: true, reason: 'broken' }), [200, 'aborted', undefined])
    assert.equal(
      recordOf({ cut: true, reason: 'http://a:b@c/ reset' })['switchgear.reason'],
      'http://REDACTED:REDACTED@c/ reset',
    )
  })
})

/** The same words in every run. */
function fillSeeded(words: Int32Array): void {
  let state = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101) | 0
  for (let n = 0; n < words.length; n++) {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0
    words[n] = Math.imul(state ^ (state >>> 13), 0x297a2d39)
  }
}
