import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { wireError } from '../src/errors.ts'

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

  it('believes who knows that nothing was sent', () => {
    const error = wireError('shop', endpoint, Object.assign(new Error('why'), { code: 'ECONNRESET' }), true)
    assert.equal(error.code, 'SG_UNREACHABLE')
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
