import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { inCluster } from '../../src/kubernetes/in-cluster.ts'
import { BadLine, jsonLines } from '../../src/kubernetes/json-lines.ts'
import { kubernetesResolver } from '../../src/kubernetes/kubernetes.ts'
import type { KubernetesOptions, PortChoice } from '../../src/kubernetes/options.ts'
import { readSlice } from '../../src/kubernetes/slice.ts'
import { SliceBook } from '../../src/kubernetes/slice-book.ts'
import { http, pod } from './fake-kubernetes.ts'

const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

const slice = (endpoints: readonly unknown[], fields: object = {}): unknown => ({
  addressType: 'IPv4',
  ports: http,
  endpoints,
  ...fields,
})
const reading = (...endpoints: unknown[]): ReturnType<typeof readSlice> =>
  readSlice(slice(endpoints), undefined, 'payments')

describe('an EndpointSlice', () => {
  it('says how ready an endpoint is; what it does not say counts as ready, serving and not terminating', () => {
    const of = (conditions: unknown): unknown => reading(pod('a', '10.0.0.1', { conditions })).endpoints[0]?.readiness
    assert.equal(of({ ready: true, serving: true, terminating: false }), 'ready')
    assert.equal(of({}), 'ready')
    assert.equal(of(undefined), 'ready')
    assert.equal(of({ ready: null }), 'ready')
    assert.equal(of({ ready: false, serving: false }), 'unready')
    assert.equal(of({ ready: false, serving: true, terminating: true }), 'draining')
    assert.equal(of({ ready: false, terminating: true }), 'draining')
    assert.equal(of({ ready: false, serving: false, terminating: true }), 'unready')
    assert.equal(of({ ready: true, serving: false, terminating: true }), 'ready', 'publishNotReadyAddresses')
  })

  it('gives id, zone and metadata', () => {
    const hints = { forZones: [{ name: 'b' }, { name: 'c' }], forNodes: [{ name: 'n7' }] }
    const fields = { zone: 'b', nodeName: 'n7', hostname: 'pay-0', hints }
    const [one] = reading(pod('u-1', '10.0.0.1', fields)).endpoints
    assert.deepEqual([one?.id, one?.zone], ['u-1', 'b'])
    assert.deepEqual(one?.metadata, { node: 'n7', hostname: 'pay-0', pod: 'pod-u-1', forZones: 'b,c', forNodes: 'n7' })
    const { endpoints } = reading(
      { addresses: ['10.0.0.2'], targetRef: { namespace: 'shop', name: 'vm' } },
      { addresses: ['10.0.0.3', '10.0.0.4'] },
    )
    assert.deepEqual(
      endpoints.map(({ id }) => id),
      ['shop/vm', '10.0.0.3:8080'],
    )
  })

  it('of all families is read, of others it says so', () => {
    const of = (addressType: unknown, address: string): unknown => {
      const { endpoints, problem } = readSlice(slice([pod('a', address)], { addressType }), undefined, 'payments')
      return endpoints[0]?.address ?? problem
    }
    assert.equal(of('IPv6', '2001:db8::1'), '2001:db8::1')
    assert.equal(of('FQDN', 'db.example.org'), 'db.example.org')
    assert.match(String(of('X.25', '1')), /addressType/)
    assert.match(String(of('IPv4', 'a b')), /payments\.address/)
  })

  it('is read at the port that was chosen', () => {
    const of = (ports: unknown, choice?: PortChoice): unknown => {
      const { endpoints, problem } = readSlice(slice([pod('a', '10.0.0.1')], { ports }), choice, 'payments')
      return endpoints[0] === undefined ? problem : [endpoints[0].port, endpoints[0].scheme]
    }
    const both = [
      { name: 'metrics', port: 9090 },
      { name: 'http', port: 8080, appProtocol: 'http' },
    ]
    assert.deepEqual(of([{ name: '', port: 80 }]), [80, undefined])
    assert.deepEqual(of(both), [8080, 'http'])
    assert.deepEqual(of(both, 'metrics'), [9090, undefined])
    assert.deepEqual(of(both, 9090), [9090, undefined])
    assert.deepEqual(
      of([
        { name: 'https', port: 8443 },
        { name: 'x', port: 1 },
      ]),
      [8443, 'https'],
    )
    assert.deepEqual(of([{ name: 'https', port: 80, appProtocol: 'kubernetes.io/h2c' }]), [80, undefined])
    assert.deepEqual(of([{ name: 'all', port: null }], 7000), [7000, undefined], 'a port without a number is all ports')
    assert.deepEqual(
      of([
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'tcp', port: 54 },
      ]),
      [54, undefined],
    )
    assert.equal(of([{ name: 'a', port: 1 }, { port: 2 }]), 'no port to choose; there are a, 2')
    assert.equal(of(both, 'grpc'), 'no port grpc; there are metrics, http')
    assert.equal(of(null, 80), 'no port 80; there are none')
  })

  it('is read without a throw, whatever comes', () => {
    const shape = fc.record({ addressType: fc.constant('IPv4'), ports: fc.anything(), endpoints: fc.anything() })
    fc.assert(
      fc.property(fc.oneof(shape, fc.anything()), fc.constantFrom(undefined, 80, 'http'), (any, choice) => {
        readSlice(any, choice, 'payments')
      }),
      { seed, numRuns: 300 },
    )
  })
})

describe('the slices of a service', () => {
  it('name an endpoint that stands in two of them once, as the newer one has it, and it leaves with the last', () => {
    const book = new SliceBook()
    book.replace(new Map([['s1', reading(pod('a', '10.0.0.1'))]]))
    assert.deepEqual(book.snapshot().left, undefined)
    book.put('s0', reading(pod('a', '10.0.0.2')))
    assert.deepEqual(
      book.snapshot().endpoints.map(({ address }) => address),
      ['10.0.0.2'],
    )
    book.put('s1', reading(pod('a', '10.0.0.3')))
    assert.deepEqual(
      book.snapshot().endpoints.map(({ address }) => address),
      ['10.0.0.3'],
    )
    book.remove('s1')
    assert.deepEqual(book.snapshot().left, undefined)
    book.remove('s0')
    assert.deepEqual(book.snapshot(), { endpoints: [], complete: true, left: ['a'] })
    assert.deepEqual(book.snapshot().left, undefined, 'said once')
  })

  it('of both families give the IPv4 address, whichever is newer', () => {
    const book = new SliceBook()
    const six = readSlice(slice([pod('a', '2001:db8::1')], { addressType: 'IPv6' }), undefined, 'payments')
    book.replace(
      new Map([
        ['four', reading(pod('a', '10.0.0.1'))],
        ['six', six],
      ]),
    )
    book.put('six', six)
    assert.equal(book.snapshot().endpoints[0]?.address, '10.0.0.1')
    book.remove('four')
    assert.equal(book.snapshot().endpoints[0]?.address, '2001:db8::1')
  })
})

describe('JSON lines', () => {
  const collect = async (chunks: readonly Uint8Array[], most: number): Promise<unknown[]> => {
    async function* stream(): AsyncGenerator<Uint8Array> {
      yield* chunks
    }
    const values: unknown[] = []
    for await (const value of jsonLines(stream(), most)) values.push(value)
    return values
  }

  it('are the same however they are cut', async () => {
    const values = fc.array(fc.jsonValue({ noUnicodeString: false }), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(values, fc.array(fc.nat(400)), fc.boolean(), async (all, cuts, torn) => {
        const bytes = Buffer.from(all.map((value) => `${JSON.stringify(value)}\n`).join('') + (torn ? '{"cut":' : ''))
        const at = [
          0,
          ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((one, other) => one - other),
          bytes.length,
        ]
        const chunks = at.slice(1).map((to, index) => bytes.subarray(at[index], to))
        assert.deepEqual(await collect(chunks, 1_000_000), JSON.parse(JSON.stringify(all)))
      }),
      { seed, numRuns: 50 },
    )
  })

  it('are bounded, with and without an end', async () => {
    assert.deepEqual(await collect([Buffer.from('"12345678"\n')], 10), ['12345678'])
    await assert.rejects(collect([Buffer.from('"123456789"\n')], 10), BadLine)
    await assert.rejects(collect([Buffer.from('"12345'), Buffer.from('678901')], 10), BadLine)
  })
})

describe('where a pod finds its cluster', () => {
  it('is in its environment and its service account', () => {
    const directory = mkdtempSync(join(tmpdir(), 'switchgear-'))
    try {
      writeFileSync(join(directory, 'namespace'), 'shop\n')
      const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }
      const cluster = inCluster(environment, directory)
      assert.deepEqual([cluster.server, cluster.namespace], ['https://[fd00::1]:443', 'shop'])
      assert.deepEqual([cluster.tokenFile, cluster.caFile], [join(directory, 'token'), join(directory, 'ca.crt')])
      assert.throws(() => inCluster(environment, join(directory, 'none')), { code: 'SG_KUBERNETES_OUTSIDE' })
      assert.throws(() => inCluster({}, directory), { code: 'SG_KUBERNETES_OUTSIDE' })
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

describe('options', () => {
  it('are checked, and what may be a secret is not shown', () => {
    const wrong: [Partial<KubernetesOptions>, RegExp][] = [
      [{ server: 'kubernetes' }, /kubernetes\.server/],
      [{ server: 'https://me:pass@host' }, /^(?!.*pass).*kubernetes\.server/],
      [{ namespace: '../x' }, /kubernetes\.namespace/],
      [{ token: 'a\nb' }, /^(?!.*a\n).*kubernetes\.token/],
      [{ token: 'a', tokenFile: 'b' }, /not both/],
      [{ port: 0 }, /kubernetes\.port/],
      [{ watchFor: '1s' }, /kubernetes\.watchFor/],
      [{ services: { pay: { service: 'Pay' } } }, /kubernetes\.services\.pay\.service/],
      [{ services: { pay: { prot: 1 } as object } }, /kubernetes\.services\.pay\.prot is not an option/],
    ]
    for (const [options, message] of wrong)
      assert.throws(() => kubernetesResolver({ server: 'http://127.0.0.1:1', namespace: 'shop', ...options }), {
        code: 'SG_BAD_OPTIONS',
        message,
      })
  })
})
