import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { redact, Redaction } from '../../src/logs/redaction.ts'

/** As JSON would say it: without prototypes. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl'

describe('texts', () => {
  const table: readonly (readonly [text: string, clean: string])[] = [
    ['nothing to hide here', 'nothing to hide here'],
    ['GET /orders?color=blue 200 at 12:30:01', 'GET /orders?color=blue 200 at 12:30:01'],
    ['a basic problem; the bear is here', 'a basic problem; the bear is here'],
    ['sent Bearer abc.def-1 to it', 'sent Bearer REDACTED to it'],
    ['sent BASIC dXNlcjpwYXNz to it', 'sent BASIC REDACTED to it'],
    [`got ${jwt} of you`, 'got REDACTED of you'],
    [`x.${jwt}`, 'x.REDACTED'],
    ['Authorization: Digest username="me", response="f00"\nHost: a', 'Authorization: REDACTED\nHost: a'],
    ['set-cookie: sid=1; Path=/\r\nX: y', 'set-cookie: REDACTED\r\nX: y'],
    ['postgres://me:pa$$@db:5432/shop failed', 'postgres://REDACTED:REDACTED@db:5432/shop failed'],
    ['http://a:b@c/ and https://d@e/', 'http://REDACTED:REDACTED@c/ and https://REDACTED:REDACTED@e/'],
    ['/cb?access_token=abc&color=blue', '/cb?access_token=REDACTED&color=blue'],
    [
      'https://s3.example/k?X-Amz-Credential=AKIA1/2/s3&X-Amz-Date=1&X-Amz-Signature=f0',
      'https://s3.example/k?X-Amz-Credential=REDACTED&X-Amz-Date=1&X-Amz-Signature=REDACTED',
    ],
    ['https://g.example/k?X-Goog-Signature=f0&sig=1', 'https://g.example/k?X-Goog-Signature=REDACTED&sig=REDACTED'],
    ['AWS4-HMAC-SHA256 Credential=AKIA/1, Signature=f0', 'AWS4-HMAC-SHA256 Credential=REDACTED, Signature=REDACTED'],
    ['key AKIAIOSFODNN7EXAMPLE of aws', 'key REDACTED of aws'],
    ['ghp_0123456789abcdefghij', 'REDACTED'],
    ['npm_0123456789abcdefghijABCDEFGHIJ012345 is mine', 'REDACTED is mine'],
    [
      'npm_package_version_of_things and npm_config_registry_of_all',
      'npm_package_version_of_things and npm_config_registry_of_all',
    ],
    ['with sk-proj-0123456789_abcdefghij', 'with REDACTED'],
    ['the risk-assessment-of-all-the-orders', 'the risk-assessment-of-all-the-orders'],
    ['passwords=a,b', 'passwords=REDACTED,b'],
    ['cookies: a=b; c=d\nHost: a', 'cookies: REDACTED\nHost: a'],
    ['{"user":"me","password":"a \\"b\\" c","n":1}', '{"user":"me","password":"REDACTED","n":1}'],
    ['"{\\"api_key\\":\\"a\'b\\",\\"n\\":1}"', '"{\\"api_key\\":\\"REDACTED\\",\\"n\\":1}"'],
    ['{"credentials":{"a":[1,{"b":2}]},"n":1}', '{"credentials":REDACTED,"n":1}'],
    ['dbPassword = hunter2, next', 'dbPassword = REDACTED, next'],
    ['secret => hunter2)', 'secret => REDACTED)'],
    ['-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- end', 'REDACTED end'],
    ['cut: -----BEGIN PRIVATE KEY-----\nMIIE', 'cut: REDACTED'],
    ['-----BEGIN CERTIFICATE-----\nMIIE', '-----BEGIN CERTIFICATE-----\nMIIE'],
  ]
  for (const [text, clean] of table) {
    it(JSON.stringify(text).slice(0, 70), () => {
      assert.equal(redact(text), clean)
      assert.equal(redact(clean), clean, 'a second time changes nothing')
    })
  }

  it('are cut, without leaving the beginning of a secret that has lost its end', () => {
    const redaction = new Redaction({ maxTextLength: 100 })
    const cut = redaction.text(`${'word '.repeat(17)}${jwt} and more`)
    assert.ok(!cut.includes('eyJ'), cut)
    assert.match(cut, /word \.\.\. \[\d+ more characters\]$/)
    const address = redaction.text(`${'word '.repeat(17)}http://me:hunter2@example.com/`)
    assert.ok(!address.includes('hunter'), address)
  })
})

describe('names', () => {
  it('of several secrets hide them, and those of counts hide nothing', () => {
    const secrets = [
      'passwords',
      'secrets',
      'accessTokens',
      'refresh_tokens',
      'tokens',
      'auth',
      'API-KEYS',
      'dbPasswords',
    ]
    for (const name of secrets) assert.deepEqual(plain(redact({ [name]: ['s3cret'] })), { [name]: 'REDACTED' })
    const counts = { max_tokens: 5, promptTokens: 7, author: 'me', authors: ['me'], monkeys: 2 }
    assert.deepEqual(plain(redact(counts)), counts)
  })
})

describe('queries', () => {
  it('lose the values of secret names, also of percent-encoded ones', () => {
    const redaction = new Redaction({ keys: ['voucher'] })
    const query = 'color=blue&access%5Ftoken=a&Voucher=b&pass%77ord=c&bad%=d&sig=e&empty'
    const clean = 'color=blue&access%5Ftoken=REDACTED&Voucher=REDACTED&pass%77ord=REDACTED&bad%=d&sig=REDACTED&empty'
    assert.equal(redaction.query(query), clean)
  })
})

describe('values', () => {
  it('under secret names are replaced, whatever the spelling', () => {
    const names =
      'authorization Cookie set-cookie Proxy-Authorization X-API-Key password dbPassword DB_PASSWORD secret client_secret clientSecret token accessToken access_token ACCESS-TOKEN refresh_token id.token aws_secret_access_key privateKey x-amz-signature'
    for (const name of names.split(' ')) {
      assert.deepEqual(redact({ [name]: 'hunter2', n: [{ [name]: { deep: 1 } }] }), {
        [name]: 'REDACTED',
        n: [{ [name]: 'REDACTED' }],
      })
    }
    for (const name of ['max_tokens', 'author', 'cookieBanner', 'secretary', 'key', 'code'])
      assert.deepEqual(redact({ [name]: 'x' }), { [name]: 'x' })
  })

  it('say that there is no secret', () => {
    const value = { token: undefined, password: null, secret: '', hasToken: true, pin: 7, accessToken: 5 }
    assert.deepEqual(redact(value), { password: null, secret: '', hasToken: true, pin: 7, accessToken: 'REDACTED' })
  })

  it('are hidden or shown as the options say', () => {
    const redaction = new Redaction({ keys: ['IBAN', 'card number'], except: ['nextPageToken'] })
    const value = { iban: 'DE', cardNumber: 4, next_page_token: 'p', token: 't' }
    assert.deepEqual(redaction.redact(value), {
      iban: 'REDACTED',
      cardNumber: 'REDACTED',
      next_page_token: 'p',
      token: 'REDACTED',
    })
  })

  it('of lists of names and values are found', () => {
    const headers = ['Host', 'a', 'Authorization', 'hunter2', 'Accept', 'b']
    assert.deepEqual(redact({ rawHeaders: headers }), {
      rawHeaders: ['Host', 'a', 'Authorization', 'REDACTED', 'Accept', 'b'],
    })
    assert.deepEqual(redact([['cookie', 'hunter2']]), [['cookie', 'REDACTED']])
    assert.deepEqual(redact({ value: 'hunter2', name: 'X-Api-Key' }), { value: 'REDACTED', name: 'X-Api-Key' })
    assert.deepEqual(redact(new Headers({ cookie: 'hunter2', a: 'b' })), { a: 'b', cookie: 'REDACTED' })
    assert.deepEqual(redact(new Map([['token', 'hunter2']])), { token: 'REDACTED' })
    assert.deepEqual(redact(new URLSearchParams('token=hunter2&a=b')), { token: 'REDACTED', a: 'b' })
    assert.deepEqual(redact(new Set(['Bearer hunter2'])), ['Bearer REDACTED'])
  })

  it('of every kind become what JSON can say', () => {
    const value = {
      at: new Date(0),
      url: new URL('http://a:b@c/'),
      bytes: Buffer.from('hunter2'),
      big: 2n ** 64n,
      run: () => 1,
      list: [undefined, () => 1],
      ['Bearer hunter2']: 1,
    }
    assert.deepEqual(redact(value), {
      at: '1970-01-01T00:00:00.000Z',
      url: 'http://REDACTED:REDACTED@c/',
      bytes: '[7 bytes]',
      big: '18446744073709551616',
      list: [null, null],
      'Bearer REDACTED': 1,
    })
    assert.deepEqual(Object.keys(redact(JSON.parse('{"__proto__":{"password":"x"},"a":1}')) as object), [
      '__proto__',
      'a',
    ])
  })

  it('stay as they are; the answer is a copy', () => {
    const value = Object.freeze({ token: 'x', in: Object.freeze({ text: 'Bearer x' }) })
    assert.deepEqual(redact(value), { token: 'REDACTED', in: { text: 'Bearer REDACTED' } })
    assert.equal(value.token, 'x')
  })

  it('that cannot be read do not cost the rest', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const value = {
      a: 1,
      getter: Object.defineProperty({}, 'x', { enumerable: true, get: () => assert.fail('hunter2') }),
      json: { toJSON: () => assert.fail('hunter2') },
      proxy,
    }
    assert.deepEqual(redact(value), {
      a: 1,
      getter: '[unreadable: AssertionError]',
      json: '[unreadable: AssertionError]',
      proxy: '[unreadable: TypeError]',
    })
  })

  it('of a request are its head, not its connection', () => {
    const request = new IncomingMessage(new Socket())
    Object.assign(request, { method: 'GET', url: '/?token=x', httpVersion: '1.1' })
    request.headers['authorization'] = 'Bearer x'
    const clean = { method: 'GET', url: '/?token=REDACTED', headers: { authorization: 'REDACTED' } }
    assert.deepEqual(plain(redact({ request })), { request: clean })
  })
})

describe('errors', () => {
  it('keep what they are, say and where, with their causes and without what hangs on them', () => {
    class PaymentError extends Error {
      readonly code = 'E_PAY'
      readonly status = 402
      readonly request = { headers: { authorization: 'x' } }
    }
    const error = new PaymentError('no Bearer abc', { cause: new TypeError('password=hunter2') })
    const record = plain(redact({ error })) as { error: Record<string, unknown> }
    const { stack, cause, ...rest } = record.error
    assert.deepEqual(rest, { type: 'PaymentError', message: 'no Bearer REDACTED', code: 'E_PAY', status: 402 })
    assert.match(String(stack), /no Bearer REDACTED\n\s+at .*redaction\.test\.ts/)
    const { type, message } = cause as Record<string, unknown>
    assert.deepEqual({ type, message }, { type: 'TypeError', message: 'password=REDACTED' })
    assert.ok(!JSON.stringify(record).includes('hunter2'))
  })

  it('of many are all told', () => {
    const many = plain(redact(new AggregateError([new Error('a'), new Error('token=b')], 'both'))) as {
      type: string
      errors: { message: string }[]
    }
    assert.equal(many.type, 'AggregateError')
    assert.deepEqual(
      many.errors.map(({ message }) => message),
      ['a', 'token=REDACTED'],
    )
  })
})

describe('bounds', () => {
  it('end circles', () => {
    const value: Record<string, unknown> = { a: 1 }
    value['self'] = [value]
    assert.deepEqual(redact(value), { a: 1, self: ['[circular]'] })
    const shared = { b: 2 }
    assert.deepEqual(redact([shared, shared]), [{ b: 2 }, { b: 2 }])
  })

  it('hold for depth, breadth and the whole', () => {
    const redaction = new Redaction({ maxDepth: 2, maxEntries: 3 })
    assert.deepEqual(redaction.redact({ a: { b: { c: 1 } } }), { a: { b: '[truncated]' } })
    assert.deepEqual(redaction.redact([1, 2, 3, 4]), [1, 2, 3, '[truncated]'])
    assert.deepEqual(redaction.redact({ a: 1, b: 2, c: 3, d: 4 }), { a: 1, b: 2, c: 3, '[truncated]': true })
    const tree = (depth: number): unknown => (depth === 0 ? 1 : Array.from({ length: 10 }, () => tree(depth - 1)))
    const text = JSON.stringify(new Redaction({ maxValues: 500 }).redact(tree(5)))
    assert.ok(text.length < 20_000, String(text.length))
  })

  it('of time hold for any text of a megabyte', () => {
    const redaction = new Redaction({ maxTextLength: 2 ** 21 })
    const pieces =
      'eyJ|eyJ.|eyJ-.|a|:|=|a=|a:|"|\\|\\"|token=|token="|"token":|token:[|token={|token=\\"|password:    |cookie:|cookie: x\\n|bearer |bearer\t\t|Basic a|://|://a@|://a|-----BEGIN |-----BEGIN PRIVATE KEY-----|-----BEGIN RSA PRIVATE KEY-----\n-----END |AKIA|xoxa-|gh|ghp_0|%|%20|A A|-----'
    for (const piece of pieces.split('|')) {
      for (const frame of ['', 'token="', 'Bearer :=eyJ -----BEGIN PRIVATE KEY-----', '://token=\\\\\\"']) {
        const text = frame + piece.repeat(2 ** 20 / piece.length)
        const began = performance.now()
        redaction.redact(text)
        const tookMs = performance.now() - began
        assert.ok(tookMs < 1500, `${JSON.stringify(frame + piece)} took ${tookMs} ms`)
      }
    }
  })

  it('are checked', () => {
    const wrong: readonly (readonly [options: object, message: string])[] = [
      [{ maxDepth: 0 }, 'redaction.maxDepth must be a whole number >= 1, got 0'],
      [{ keys: ['a', ''] }, 'redaction.keys must be a list of names, got a list'],
      [{ except: 'a' }, "redaction.except must be a list of names, got 'a'"],
      [
        { key: [] },
        'redaction.key is not an option; known are keys, except, maxDepth, maxEntries, maxValues, maxTextLength',
      ],
    ]
    for (const [options, message] of wrong)
      assert.throws(() => new Redaction(options), { code: 'SG_BAD_OPTIONS', message })
  })
})
