import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Baggage, baggageEntryMetadataFromString, propagation } from '@opentelemetry/api'
import { type BaggageDrops, formatBaggage, parseBaggage } from '../../src/propagation/baggage.ts'

const none = (): BaggageDrops => ({ baggageIn: 0, baggageOut: 0 })

function plain(baggage: Baggage | undefined): unknown {
  return baggage?.getAllEntries().map(([key, { value, metadata }]) => [key, value, metadata?.toString()])
}

function baggageOf(entries: readonly (readonly [string, string])[]): Baggage {
  return propagation.createBaggage(Object.fromEntries(entries.map(([key, value]) => [key, { value }])))
}

describe('parseBaggage', () => {
  it('reads members, white space around them, and their properties', () => {
    const text = 'key1=value1;property1;property2, key2 =\tvalue2, key3=value3; propertyKey = propertyValue'
    assert.deepEqual(plain(parseBaggage(text)), [
      ['key1', 'value1', 'property1;property2'],
      ['key2', 'value2', undefined],
      ['key3', 'value3', 'propertyKey = propertyValue'],
    ])
  })

  it('decodes UTF-8 and replaces what is none', () => {
    const read = (value: string): string | undefined => parseBaggage(`k=${value}`)?.getEntry('k')?.value
    assert.equal(read('Am%C3%A9lie'), 'Amélie')
    assert.equal(read('DF%2028%2c%3B%22%5c'), 'DF 28,;"\\')
    assert.equal(read('%F0%9F%90%A2'), '\u{1F422}')
    assert.equal(read('a%FFb'), 'a\uFFFDb')
    assert.equal(read('%C3'), '\uFFFD')
    assert.equal(read('%EF%BB%BFx'), '\uFEFFx')
    assert.equal(read('100%'), '100%')
    assert.equal(read('%zz%4'), '%zz%4')
    assert.equal(read('a=b=='), 'a=b==')
    assert.equal(read(''), '')
    assert.equal(read('a+b'), 'a+b')
  })

  it('leaves out members that break a rule, and counts them', () => {
    const drops = none()
    const text = 'a=1,no,=2,b c=3,d="4",e=a b,f=\u00e9,g=1;b@d,h=1;p="x",i=2;,j=3'
    assert.deepEqual(plain(parseBaggage(text, drops)), [
      ['a', '1', undefined],
      ['j', '3', undefined],
    ])
    assert.equal(drops.baggageIn, 9)
  })

  it('has nothing where nothing is', () => {
    for (const text of [undefined, '', ' ', ' ,\t,', 'broken']) assert.equal(parseBaggage(text), undefined)
  })

  it('takes a key like __proto__ for a key', () => {
    const baggage = parseBaggage('__proto__=1,constructor=2')
    assert.equal(baggage?.getEntry('__proto__')?.value, '1')
    assert.equal(baggage?.getEntry('constructor')?.value, '2')
    assert.equal(formatBaggage(baggage ?? propagation.createBaggage()), '__proto__=1,constructor=2')
  })

  it('reads 64 members and 8192 bytes, and counts the rest', () => {
    const member = (index: number): string => `k${index}=v`
    const list = (length: number): string => Array.from({ length }, (_, index) => member(index)).join(',')
    const drops = none()
    assert.equal(parseBaggage(list(64), drops)?.getAllEntries().length, 64)
    assert.equal(drops.baggageIn, 0)
    assert.equal(parseBaggage(list(70), drops)?.getAllEntries().length, 64)
    assert.equal(drops.baggageIn, 6)
    const full = `a=${'x'.repeat(4094)},b=${'y'.repeat(4093)}`
    assert.equal(full.length, 8192)
    assert.equal(parseBaggage(full, drops)?.getAllEntries().length, 2)
    assert.equal(drops.baggageIn, 6)
    assert.equal(parseBaggage(`${full}y`, drops)?.getAllEntries().length, 1)
    assert.equal(drops.baggageIn, 7)
  })
})

describe('formatBaggage', () => {
  it('encodes what a value may not have', () => {
    const text = formatBaggage(
      baggageOf([
        ['k', 'Amélie 100%,;"\\\u0000\n='],
        ['n', '\u{1F422}'],
        ['lone', '\uD800'],
      ]),
    )
    assert.equal(text, 'k=Am%C3%A9lie%20100%25%2C%3B%22%5C%00%0A=,n=%F0%9F%90%A2,lone=%EF%BF%BD')
  })

  it('encodes the percent sign, also where nothing else has to be', () => {
    const baggage = baggageOf([
      ['a', '%41'],
      ['b', '100%'],
    ])
    assert.equal(formatBaggage(baggage), 'a=%2541,b=100%25')
    assert.equal(parseBaggage(formatBaggage(baggage))?.getEntry('a')?.value, '%41')
  })

  it('keeps properties and refuses what are none', () => {
    const entry = (text: string) => ({ value: 'v', metadata: baggageEntryMetadataFromString(text) })
    const baggage = propagation.createBaggage({ a: entry(' p1;p2=x%20y '), b: entry('not one'), c: entry('x,y=1') })
    const drops = none()
    assert.equal(formatBaggage(baggage, drops), 'a=v;p1;p2=x%20y')
    assert.equal(drops.baggageOut, 2)
  })

  it('leaves out keys that are no tokens', () => {
    const drops = none()
    assert.equal(
      formatBaggage(
        baggageOf([
          ['a b', '1'],
          ['', '2'],
          ['ü', '3'],
          ['ok', '4'],
        ]),
        drops,
      ),
      'ok=4',
    )
    assert.equal(drops.baggageOut, 3)
    assert.equal(formatBaggage(propagation.createBaggage()), undefined)
  })

  it('writes 64 members and 8192 bytes, whole ones only', () => {
    const drops = none()
    const many = baggageOf(Array.from({ length: 65 }, (_, index) => [`k${index}`, 'v']))
    assert.equal(formatBaggage(many, drops)?.split(',').length, 64)
    assert.equal(drops.baggageOut, 1)
    const large = baggageOf([
      ['a', 'x'.repeat(8000)],
      ['b', 'y'.repeat(300)],
      ['c', 'z'],
    ])
    assert.equal(formatBaggage(large, drops), `a=${'x'.repeat(8000)},c=z`)
    assert.equal(drops.baggageOut, 2)
    const exact = baggageOf([['a', 'x'.repeat(8190)]])
    assert.equal(formatBaggage(exact, drops)?.length, 8192)
    assert.equal(formatBaggage(baggageOf([['a', 'x'.repeat(8191)]]), drops), undefined)
    assert.equal(drops.baggageOut, 3)
  })
})
