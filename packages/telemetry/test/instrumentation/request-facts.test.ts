import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { claim, ClaimSet, claims } from '../../src/instrumentation/http-claims.ts'
import { errorType, isCancellation } from '../../src/instrumentation/request-error.ts'
import { FactsBudget, RouteFacts } from '../../src/instrumentation/request-facts.ts'
import { parseAuthority, plainAddress, QueryRedaction } from '../../src/instrumentation/request-url.ts'

const seed = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101)

describe('addresses', () => {
  const redaction = new QueryRedaction()

  it('lose the values of sensitive parameters, and those only', () => {
    const cases = {
      'sig=a': 'sig=REDACTED',
      'a=1&sig=a&b=2': 'a=1&sig=REDACTED&b=2',
      'X-Goog-Signature=a&AWSAccessKeyId=b&Signature=c':
        'X-Goog-Signature=REDACTED&AWSAccessKeyId=REDACTED&Signature=REDACTED',
      'X-Amz-Credential=a/b&X-Amz-Security-Token=&x=1': 'X-Amz-Credential=REDACTED&X-Amz-Security-Token=REDACTED&x=1',
      'Sig=a&assig=b&sig2=c&sig': 'Sig=REDACTED&assig=b&sig2=c&sig',
      'access_token=a&Password=b&user%5Fpassword=c&page=2':
        'access_token=REDACTED&Password=REDACTED&user%5Fpassword=REDACTED&page=2',
      'a&b&apiKey=c=d&e': 'a&b&apiKey=REDACTED&e',
      'a=1#access_token=b&c=2': 'a=1#access_token=REDACTED&c=2',
      'token=a#end': 'token=REDACTED#end',
      '%zz=1&=2&token=': '%zz=1&=2&token=REDACTED',
      'sig=a&sig=b': 'sig=REDACTED&sig=REDACTED',
      '': '',
    }
    for (const [query, shown] of Object.entries(cases)) assert.equal(redaction.query(query), shown)
    assert.equal(redaction.target('/sig=a?sig=b'), '/sig=a?sig=REDACTED')
    assert.equal(
      redaction.url('http://me:secret@a.example/b?sig=c'),
      'http://REDACTED:REDACTED@a.example/b?sig=REDACTED',
    )
    assert.equal(redaction.url('http://a.example/@b'), 'http://a.example/@b')
    assert.equal(new QueryRedaction([]).query('sig=a'), 'sig=a')
    assert.equal(new QueryRedaction(['a.b']).query('a.b=1&axb=2&sig=3'), 'a.b=REDACTED&axb=2&sig=3')
  })

  it('take time that is linear in their length', () => {
    const before = performance.now()
    for (const part of ['=#', '&', '=', '#', 'a=&', '%=']) redaction.query(part.repeat(500_000))
    // Searching back from each sign to the beginning would take minutes.
    assert.ok(performance.now() - before < 5000)
  })

  it('tell an IPv4 address as one, also where a socket of both versions says it', () => {
    const told = ['::ffff:127.0.0.1', '::FFFF:192.0.2.1', '::1', '::ffff:7f00:1', '10.0.0.1'].map(plainAddress)
    assert.deepEqual(told, ['127.0.0.1', '192.0.2.1', '::1', '::ffff:7f00:1', '10.0.0.1'])
  })

  it('never keep a secret, wherever it stands', () => {
    const word = fc.stringMatching(/^[a-zA-Z0-9%+.-]{0,8}$/)
    const pair = fc.tuple(word, word).map(([name, value]) => `${name}=${value}`)
    fc.assert(
      fc.property(fc.array(pair), fc.array(pair), (before, after) => {
        const query = redaction.query([...before, 'sig=~secret~', ...after].join('&'))
        return query.includes('sig=REDACTED') && !query.includes('~secret~')
      }),
      { seed },
    )
  })

  it('are split into host and port', () => {
    const cases: Record<string, [string, number | undefined]> = {
      'a.example': ['a.example', undefined],
      'a.example:80': ['a.example', 80],
      '[::1]': ['::1', undefined],
      '[::1]:8080': ['::1', 8080],
      'a:': ['a:', undefined],
      'a:x1': ['a:x1', undefined],
      'a:99999': ['a:99999', undefined],
      '': ['', undefined],
    }
    for (const [text, [address, port]] of Object.entries(cases))
      assert.deepEqual(parseAuthority(text), { address, port })
  })
})

describe('facts of requests', () => {
  it('keep to the longest text', () => {
    const { attributes } = new RouteFacts(new FactsBudget(10, 4)).of('GET', '/orders', 200).attributes
    assert.deepEqual([attributes['http.route'], attributes['http.response.status_code']], ['/ord', 200])
  })

  it('are shared by requests of one kind', () => {
    const facts = new RouteFacts(new FactsBudget(10))
    const first = facts.of('GET', '/a', 200)
    assert.equal(facts.of('GET', '/a', 200), first)
    assert.equal(first.name, 'GET /a')
    assert.notEqual(facts.of('GET', '/a', 500), first)
    assert.equal(facts.of('GET', '/a', 500).errorType, '500')
    assert.equal(facts.of('GET', undefined, 0).attributes.attributes['http.response.status_code'], undefined)
  })

  it('are bounded, whatever strangers send', () => {
    const budget = new FactsBudget(3)
    const facts = new RouteFacts(budget)
    for (let index = 0; index < 100; index++) {
      const { name, attributes } = facts.of(`MADE${index}`, '/a', 200)
      assert.equal(name, 'HTTP /a')
      assert.equal(attributes.attributes['http.request.method_original'], `MADE${index}`)
    }
    assert.equal(budget.kept, 0)
    for (let index = 0; index < 100; index++) facts.of('GET', `/${index}`, 200)
    // The place of the strangers is one of three.
    assert.equal(budget.kept, 2)
    assert.equal(budget.overflows, 98)
    assert.equal(facts.of('GET', '/1', 200), facts.of('GET', '/1', 200))
    assert.deepEqual(facts.of('GET', '/2', 200), facts.of('GET', '/2', 200))
    facts.of('PUT', '/1', 200)
    facts.of('DELETE', '/1', 200)
    assert.equal(budget.kept, 3)
  })
})

describe('claims', () => {
  it('end with their release, and beyond the bound with the oldest', () => {
    const release = claim('a')
    assert.equal(claims.has('a'), true)
    assert.equal(claims.has(['a']), false)
    release()
    release()
    assert.equal(claims.has('a'), false)
    const set = new ClaimSet()
    for (let index = 0; index < 8193; index++) set.add(String(index))
    assert.equal(set.size, 8192)
    assert.deepEqual([set.has('0'), set.has('1'), set.has('8192')], [false, true, true])
  })
})

describe('errors', () => {
  it('have one of few names', () => {
    assert.equal(errorType(Object.assign(new Error('a'), { code: 'ECONNRESET' })), 'ECONNRESET')
    assert.equal(errorType(new TypeError('a')), 'TypeError')
    assert.equal(errorType(AbortSignal.timeout(0).reason ?? new DOMException('a', 'TimeoutError')), 'TimeoutError')
    for (const value of ['text', undefined, null, {}]) assert.equal(errorType(value), '_OTHER')
    assert.equal(isCancellation(new DOMException('a', 'AbortError')), true)
    assert.equal(isCancellation(new DOMException('a', 'TimeoutError')), false)
    assert.equal(isCancellation('AbortError'), false)
  })
})
