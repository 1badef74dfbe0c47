import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseEndpoints, RoundRobin } from '../src/endpoint.ts'
import { wireError } from '../src/errors.ts'

const hosts = (turns: RoundRobin, count: number): string =>
  Array.from({ length: count }, () => turns.pick().host).join('')

describe('RoundRobin', () => {
  const endpoints = parseEndpoints(['http://a', 'http://b', 'http://c'], 'endpoints')
  it('takes turns', () => assert.equal(hosts(new RoundRobin(endpoints), 7), 'abcabca'))

  it('never gives the previous one while there is another', () => {
    for (const some of [endpoints, endpoints.slice(0, 2)]) {
      const turns = new RoundRobin(some)
      let previous: URL | undefined
      for (let pick = 0; pick < 50; pick++) {
        // Other calls take turns in between.
        for (let other = 0; other < pick % 4; other++) turns.pick()
        const next = turns.pick(previous)
        assert.notEqual(next, previous)
        previous = next
      }
    }
  })

  it('gives a single one again', () => {
    const turns = new RoundRobin(endpoints.slice(0, 1))
    assert.equal(turns.pick(turns.pick()).host, 'a')
  })
})

describe('wireError', () => {
  const endpoint = new URL('http://127.0.0.1:4001')
  const named = (parts: object): string => wireError('shop', endpoint, Object.assign(new Error('why'), parts)).code

  it("tells what was the caller's fault", () => {
    for (const code of ['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH']) {
      assert.equal(named({ code }), 'SG_BAD_OPTIONS')
    }
  })

  it('tells where nothing was sent', () => {
    assert.equal(named({ code: 'ECONNREFUSED', syscall: 'connect' }), 'SG_UNREACHABLE')
    assert.equal(named({ code: 'ENOTFOUND', syscall: 'getaddrinfo' }), 'SG_UNREACHABLE')
    assert.equal(named({ code: 'UND_ERR_CONNECT_TIMEOUT' }), 'SG_UNREACHABLE')
    assert.equal(named({ code: 'CERT_HAS_EXPIRED' }), 'SG_UNREACHABLE')
    assert.equal(named({ code: 'ECONNRESET', syscall: 'read' }), 'SG_CONNECTION_LOST')
    assert.equal(named({ code: 'UND_ERR_SOCKET' }), 'SG_CONNECTION_LOST')
    assert.equal(named({ code: 'UND_ERR_HEADERS_TIMEOUT' }), 'SG_CONNECTION_LOST')
  })

  it('does not carry on what was received', () => {
    const cause = Object.assign(new Error('bad'), { name: 'HTTPParserError', data: 'top-secret' })
    const error = wireError('shop', endpoint, cause)
    assert.equal(error.code, 'SG_BAD_RESPONSE')
    assert.equal('data' in (error.cause as object), false)
  })

  it('makes do with anything that was thrown', () => {
    for (const thrown of [undefined, null, 'text', 7, {}, new AggregateError([])]) {
      assert.equal(wireError('shop', endpoint, thrown).code, 'SG_CONNECTION_LOST')
    }
  })
})
