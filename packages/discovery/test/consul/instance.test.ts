import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { BlockingIndex } from '../../src/consul/blocking-index.ts'
import { readInstances } from '../../src/consul/instance.ts'
import type { Endpoint } from '../../src/endpoint.ts'
import { type InstanceParts, instance } from './fake-consul.ts'

const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

function read(...entries: unknown[]): Endpoint[] {
  return readInstances(entries, 'payments').map((reading) => {
    assert.ok('endpoint' in reading, `${'problem' in reading ? reading.problem.cause : ''}`)
    return reading.endpoint
  })
}
const only = (parts: InstanceParts): Endpoint => read(instance('a', parts))[0] as Endpoint

describe('an instance of Consul', () => {
  it('listens where its service says, else where its node is', () => {
    assert.deepEqual([only({}).address, only({}).port], ['10.1.10.12', 8000])
    assert.equal(only({ service: { Address: '' }, node: { Address: '10.9.9.9' } }).address, '10.9.9.9')
    assert.equal(only({ service: { Address: '2001:db8::7' } }).address, '2001:db8::7')
    assert.equal(only({ service: { Address: 'pay.example.org' } }).address, 'pay.example.org')
  })

  it('is the same service id on another node another instance', () => {
    const ids = read(instance('web', { node: { Node: 'n2' } }), instance('web')).map(({ id }) => id)
    assert.deepEqual(ids, ['n1/web', 'n2/web'])
  })

  it('is as ready as the worst of its checks and those of its node', () => {
    const weights = { Weights: { Passing: 10, Warning: 2 } }
    const of = (...checks: (readonly [string, string])[]): unknown[] => {
      const { readiness, weight } = only({ service: weights, checks })
      return [readiness, weight]
    }
    assert.deepEqual(of(['c1', 'passing']), ['ready', 10])
    assert.deepEqual(of(['c1', 'passing'], ['c2', 'warning']), ['ready', 2])
    assert.deepEqual(of(['c1', 'warning'], ['c2', 'critical']), ['unready', 10])
    assert.deepEqual(of(['c1', 'unheard-of']), ['unready', 10])
    assert.deepEqual(of(['_service_maintenance:a', 'critical']), ['draining', 10])
    assert.deepEqual(of(['c1', 'critical'], ['_node_maintenance', 'critical'], ['c2', 'critical']), ['draining', 10])
  })

  it('has weights in their proportion, also where Consul allows larger ones', () => {
    const weighing = (id: string, weight: unknown): unknown =>
      instance(id, { service: { Weights: { Passing: weight } } })
    const weights = (...all: unknown[]): number[] =>
      read(...all.map((weight, n) => weighing(`i${n}`, weight))).map(({ weight }) => weight)
    assert.deepEqual(weights(3, 1000), [3, 1000])
    assert.deepEqual(weights(10_000, 5000, 0), [1000, 500, 0])
    assert.deepEqual(weights(undefined, -1, 'x', null), [1, 1, 1, 1])
  })

  it('has its zone from the nearest that says one', () => {
    const node = { Meta: { zone: 'c' }, Locality: { Zone: 'd' } }
    assert.equal(only({ service: { Meta: { zone: 'a' }, Locality: { Zone: 'b' } }, node }).zone, 'a')
    assert.equal(only({ service: { Locality: { Zone: 'b' } }, node }).zone, 'b')
    assert.equal(only({ node }).zone, 'c')
    assert.equal(only({ node: { Locality: { Zone: 'd' } } }).zone, 'd')
    assert.equal(only({}).zone, undefined)
  })

  it('keeps of meta and tags what fits', () => {
    const Meta = { version: '1.4.2', scheme: 'https', team: 'shop', long: 'x'.repeat(300), odd: 5, node: 'mine' }
    const { version, scheme, metadata } = only({ service: { Meta, Tags: ['primary', 'v1'] } })
    assert.deepEqual([version, scheme], ['1.4.2', 'https'])
    assert.deepEqual(metadata, {
      node: 'n1',
      datacenter: 'dc1',
      tags: 'primary,v1',
      scheme: 'https',
      team: 'shop',
      version: '1.4.2',
    })
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`k${n}`, 'v']))
    assert.equal(Object.keys(only({ service: { Meta: many } }).metadata).length, 64)
  })

  it('is an endpoint or a problem, whatever comes', () => {
    const shape = fc.record(
      { Node: fc.anything(), Service: fc.oneof(fc.anything(), fc.object()), Checks: fc.anything() },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(shape, fc.jsonValue())), (entries) => {
        for (const reading of readInstances(entries, 'payments'))
          assert.ok('endpoint' in reading || reading.problem instanceof Error)
      }),
      { seed, numRuns: 300 },
    )
  })
})

describe('the index of a blocking query', () => {
  it('is only asked with when it is greater than zero and was given last', () => {
    const header = fc.oneof(
      fc.nat(50).map(String),
      fc.constantFrom(undefined, '', '-1', 'x', '1.5', '18446744073709551616'),
    )
    fc.assert(
      fc.property(fc.array(header, { minLength: 1 }), (headers) => {
        const index = new BlockingIndex()
        let last = 0
        for (const given of headers) {
          const step = index.learn(given)
          const sound = given !== undefined && /^\d+$/.test(given) && given.length < 20
          const value = sound ? Math.max(1, Number(given)) : undefined
          if (value === undefined) assert.deepEqual([step, index.asked], ['unusable', undefined])
          else if (value < last) assert.deepEqual([step, index.asked], ['back', undefined])
          else assert.equal(index.asked, String(value))
          last = value === undefined ? last : value < last ? 0 : value
        }
      }),
      { seed },
    )
  })

  it('is exact beyond what doubles can tell apart, and is not asked with after a failure', () => {
    const index = new BlockingIndex()
    assert.equal(index.learn('9007199254740993'), 'first')
    assert.equal(index.learn('9007199254740992'), 'back')
    assert.equal(index.learn('18446744073709551615'), 'first')
    assert.equal(index.asked, '18446744073709551615')
    index.doubt()
    assert.equal(index.asked, undefined)
    assert.equal(index.learn('5'), 'back')
  })
})
