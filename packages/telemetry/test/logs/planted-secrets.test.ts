// The promise of redaction as a property: a secret that is planted somewhere in a value is nowhere in the output.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Redaction } from '../../src/logs/redaction.ts'

const seed = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101)
const redaction = new Redaction({ keys: ['iban'] })

/** Random enough not to come about by chance, and of characters that every place allows. */
const secret = fc.string({
  unit: fc.constantFrom(...'ABCDEFGHJKLMNPQRSTUVWXYZ0123456789'),
  minLength: 16,
  maxLength: 24,
})

const names = fc.constantFrom(
  ...'authorization Cookie set-cookie proxy-authorization X-API-KEY password userPassword DB_PASSWD secret clientSecret token access_token refreshToken private_key aws-secret-access-key iban IBAN sig X-Amz-Signature'.split(
    ' ',
  ),
)

/** How a secret stands in a text. */
const phrases = fc.constantFrom<(name: string, secret: string) => string>(
  (_, secret) => `Bearer ${secret}`,
  (_, secret) => `basic ${secret}=`,
  (_, secret) => `eyJhbGciOiJub25lIn0.${secret}.${secret}`,
  (_, secret) => `https://me:${secret}@example.com/a?b=c`,
  (_, secret) => `amqp://${secret}@queue:5672`,
  (_, secret) => `-----BEGIN EC PRIVATE KEY-----\n${secret}\n${secret}==\n-----END EC PRIVATE KEY-----`,
  (name, secret) => `${name}=${secret}`,
  (name, secret) => `https://example.com/?a=b&${name}=${secret}#c`,
  (name, secret) => `${name}: ${secret}`,
  (name, secret) => `${name} => "${secret}"`,
  (name, secret) => JSON.stringify({ a: 1, [name]: secret, b: 2 }),
  (name, secret) => JSON.stringify({ [name]: [secret, { deep: secret }] }),
  (name, secret) => JSON.stringify(JSON.stringify({ [name]: `it's "${secret}" \\ ${secret}` })),
  (name, secret) => JSON.stringify(JSON.stringify(JSON.stringify({ [name]: secret }))),
)
/** Text around it that is not a part of a word. */
const padding = fc.string({ maxLength: 12 }).map((text) => text.replace(/[\w:=@/.%+-]/g, ' '))

const planted = fc.oneof(
  fc
    .record({ before: padding, phrase: phrases, name: names, secret, after: padding })
    .map(({ before, phrase, name, secret, after }) => ({
      secret,
      value: `${before} ${phrase(name, secret)} ${after}` as unknown,
    })),
  fc.record({ name: names, secret, wrapped: fc.boolean() }).map(({ name, secret, wrapped }) => ({
    secret,
    value: { a: 1, [name]: wrapped ? { nested: [secret] } : secret } as unknown,
  })),
  fc.record({ name: names, secret }).map(({ name, secret }) => ({ secret, value: [name, secret] as unknown })),
)

function stringified(value: unknown): unknown {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** One step outwards. */
const wrappings = fc.constantFrom<(value: unknown, other: unknown) => unknown>(
  (value, other) => ({ other, value }),
  (value) => [value],
  (value, other) => [1, other, value],
  (value) => new Map([['entry', value]]),
  (value) => new Set([value]),
  (value) => Object.assign(new Error('outer'), { cause: value }),
  (value) => new Error(typeof value === 'string' ? value : 'outer', { cause: value }),
  (value) => new AggregateError([value], 'many'),
  (value) => ({ toJSON: () => value }),
  (value) => (typeof value === 'string' ? { [value]: 1 } : Object.assign(Object.create({ inherited: 1 }), { value })),
  stringified,
)

describe('a planted secret', () => {
  it('is nowhere in the output, however it is named, phrased and nested', () => {
    fc.assert(
      fc.property(
        planted,
        fc.array(wrappings, { maxLength: 10 }),
        fc.jsonValue(),
        ({ secret, value }, steps, other) => {
          let nested = value
          // Of pairs not: what stands side by side in a text is no name and its value.
          const possible = Array.isArray(value) ? steps.filter((step) => step !== stringified) : steps
          for (const step of possible) nested = step(nested, other)
          const output = JSON.stringify(redaction.redact(nested)) ?? ''
          assert.ok(!output.includes(secret), output)
        },
      ),
      { seed, numRuns: 5000 },
    )
  })

  it('would be there without redaction', () => {
    let seen = 0
    const runs = 500
    fc.assert(
      fc.property(planted, ({ secret, value }) => {
        if (JSON.stringify(value).includes(secret)) seen++
      }),
      { seed, numRuns: runs },
    )
    assert.equal(seen, runs)
  })
})

describe('what holds no secret', () => {
  it('comes out as it went in', () => {
    const word = fc.constantFrom('order', 'paid', '42', 'GET', '/orders/7', 'ok', 'a basic thing', '12:30')
    const value = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        word,
        fc.integer(),
        fc.boolean(),
        fc.array(tie('tree'), { maxLength: 4 }),
        fc.dictionary(fc.constantFrom('id', 'status', 'route', 'items', 'author'), tie('tree')),
      ),
    })).tree
    fc.assert(
      fc.property(value, (tree) => assert.equal(JSON.stringify(redaction.redact(tree)), JSON.stringify(tree))),
      { seed, numRuns: 500 },
    )
  })

  it('stays the same a second time', () => {
    fc.assert(
      fc.property(planted, ({ value }) => {
        const once = JSON.stringify(redaction.redact(value))
        assert.equal(JSON.stringify(redaction.redact(JSON.parse(once))), once)
      }),
      { seed, numRuns: 500 },
    )
  })

  it('never makes it throw', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true }),
        (value) => {
          JSON.stringify(redaction.redact(value))
        },
      ),
      { seed, numRuns: 1000 },
    )
  })
})
