import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { seededRandom, VirtualClock } from '@switchgear/core/testing'
import { kubernetesResolver } from '../../src/kubernetes/kubernetes.ts'
import type { KubernetesOptions } from '../../src/kubernetes/options.ts'
import type { Resolver } from '../../src/resolver.ts'
import { aWhile, Recording, until } from '../polling/recording.ts'
import { FakeKubernetes, http, line, pod, status } from './fake-kubernetes.ts'

let clock: VirtualClock
let cluster: FakeKubernetes
let server: string
let resolver: Resolver | undefined
let heard: Recording

beforeEach(async () => {
  clock = new VirtualClock()
  cluster = new FakeKubernetes(clock)
  server = await cluster.listen()
  heard = new Recording()
})

afterEach(async () => {
  await resolver?.close()
  resolver = undefined
  await cluster.close()
  assert.deepEqual(cluster.violations, [], 'the client broke a rule of the API')
  assert.equal(clock.pending, 0, 'a timer was left behind')
})

function watch(options: Partial<KubernetesOptions> = {}, service = 'payments'): { close(): void } {
  const basic = { server, namespace: 'shop', clock, random: seededRandom(1) }
  const token = 'tokenFile' in options ? {} : { token: 'first' }
  resolver = kubernetesResolver({ ...basic, ...token, ...options })
  return resolver.watch(service, heard)
}

/** Moves time in steps, so that what sockets bring in between finds its timers. */
async function pass(ms: number, steps = 1): Promise<void> {
  for (let step = 0; step < steps; step++) {
    await clock.advance(ms / steps)
    await aWhile()
  }
}

/** Until the service is listed and watched. */
const watched = (nth = 1): Promise<void> =>
  until(() => cluster.watches.length >= nth && cluster.open === 1, `watch ${nth} is open`)

/** Until events have come that the client gathers: beside its timer there are those of the watch, at both ends. */
async function gathered(): Promise<void> {
  await until(() => clock.pending >= 3, 'events are gathered')
  await aWhile()
}

const versions = (): (string | null)[] => cluster.watches.map((url) => url.searchParams.get('resourceVersion'))

describe('list and watch', () => {
  it('tell what there is, then every change, several slices as one', async () => {
    cluster.put('s1', { ports: http, endpoints: [pod('a', '10.0.0.1')] })
    cluster.put('s2', { ports: [{ name: 'http', port: 9090 }], endpoints: [pod('b', '10.0.0.2')] })
    watch({ port: 'http' })
    assert.equal(heard.log.length, 0, 'nothing is told within watch()')
    await watched()
    assert.equal(heard.snapshots.length, 1)
    assert.deepEqual(
      heard.last.endpoints.map(({ id, address, port }) => [id, address, port]),
      [
        ['a', '10.0.0.1', 8080],
        ['b', '10.0.0.2', 9090],
      ],
    )
    cluster.put('s1', { ports: http, endpoints: [pod('a', '10.0.0.1'), pod('c', '10.0.0.3')] })
    await aWhile()
    assert.equal(heard.snapshots.length, 1, 'events are gathered for a moment')
    await pass(100)
    assert.deepEqual([heard.ids, heard.last.left], [['a', 'b', 'c'], undefined])
    cluster.delete('s2')
    cluster.put('s1', { ports: http, endpoints: [pod('c', '10.0.0.3')] })
    await gathered()
    await pass(100)
    assert.equal(heard.snapshots.length, 3, 'a flock of events is told once')
    assert.deepEqual([heard.ids, heard.last.left], [['c'], ['a', 'b']])
  })

  it('a name that does not exist is a complete snapshot without endpoints; one that cannot exist too', async () => {
    watch()
    await watched()
    assert.deepEqual(heard.last, { endpoints: [], complete: true })
    const other = new Recording()
    resolver?.watch('billing_api', other)
    await until(() => other.snapshots.length === 1, 'told')
    assert.deepEqual(other.last, { endpoints: [], complete: true })
    assert.equal(cluster.lists.length, 1, 'nobody was asked for it')
  })

  it('a service may name its namespace, and may be mapped to another', async () => {
    cluster.put('s1', { ports: http, endpoints: [pod('a', '10.0.0.1')] })
    for (const name of ['payments.shop', 'payments.shop.svc', 'payments.shop.svc.cluster.local', 'pay']) {
      const recording = new Recording()
      const place = { service: 'payments', namespace: 'shop', port: 8080 }
      const one = kubernetesResolver({ server, namespace: 'other', token: 'first', clock, services: { pay: place } })
      one.watch(name, recording)
      await until(() => recording.snapshots.length === 1, name)
      assert.deepEqual(recording.ids, ['a'])
      await one.close()
    }
  })

  it('a list comes in pages; when its token is too old it begins anew', async () => {
    for (let n = 0; n < 7; n++) cluster.put(`s${n}`, { ports: http, endpoints: [pod(`p${n}`, `10.0.0.${n + 1}`)] })
    cluster.listTricks.push((response) => {
      const metadata = { resourceVersion: '107', continue: 'expired' }
      response.end(JSON.stringify({ kind: 'EndpointSliceList', metadata, items: [] }))
    })
    watch({ pageSize: 3 })
    await watched()
    assert.equal(heard.log.length, 1, 'told once, when it had come whole')
    assert.equal(heard.ids.length, 7)
    const tokens = cluster.lists.map((url) => url.searchParams.get('continue'))
    assert.deepEqual(tokens, [null, 'expired', null, 't0', 't1'])
  })

  it('a watch that ends is resumed from the last version, be it of an event or of a bookmark', async () => {
    cluster.put('s1', { ports: http, endpoints: [pod('a', '10.0.0.1')] })
    watch({ watchFor: '60s', random: () => 0.5 })
    await watched()
    assert.equal(cluster.watches[0]?.searchParams.get('timeoutSeconds'), '45')
    cluster.put('s1', { ports: http, endpoints: [pod('a', '10.0.0.9')] })
    await aWhile()
    cluster.bookmark()
    await aWhile()
    await pass(45_000)
    await watched(2)
    cluster.end()
    cluster.put('s1', { ports: http, endpoints: [pod('a', '10.0.0.10')] })
    await watched(3)
    await gathered()
    await pass(100)
    assert.equal(heard.last.endpoints[0]?.address, '10.0.0.10', 'what happened in between is told by the next watch')
    assert.deepEqual(versions().slice(0, 3), ['101', '103', '103'])
    assert.equal(cluster.lists.length, 1)
    assert.equal(heard.errors.length, 0)
  })

  it('lines are read wherever they are cut, within a character too', async () => {
    watch()
    await watched()
    const object = {
      metadata: { name: 's1', resourceVersion: '101' },
      addressType: 'IPv4',
      ports: http,
      endpoints: [pod('a', '10.0.0.1', { zone: 'zürich-ö' })],
    }
    cluster.version = 101
    for (const byte of Buffer.from(`\n${line({ type: 'ADDED', object })}`)) cluster.send(Uint8Array.of(byte))
    await until(() => clock.pending === 3, 'it is gathered')
    await pass(100)
    assert.equal(heard.last.endpoints[0]?.zone, 'zürich-ö')
  })

  it('a watch that breaks in the middle of a line goes on from the last whole one, silently', async () => {
    cluster.put('s1', { ports: http, endpoints: [pod('a', '10.0.0.1')] })
    watch({ gatherFor: '1h' })
    await watched()
    cluster.put('s2', { ports: http, endpoints: [pod('b', '10.0.0.2')] })
    cluster.send('{"type":"MODIFIED","object":{"meta')
    await aWhile()
    cluster.cut()
    await watched(2)
    assert.deepEqual(versions(), ['101', '102'])
    assert.deepEqual([heard.errors.length, heard.ids], [0, ['a', 'b']], 'what was gathered is told at once')
  })
})

describe('what goes wrong', () => {
  it('410, as an event and as a status, leads to a new list, and nothing is wiped or left', async () => {
    cluster.put('s1', { ports: http, endpoints: [pod('a', '10.0.0.1')] })
    cluster.put('s2', { ports: http, endpoints: [pod('b', '10.0.0.2')] })
    watch({ atMostEvery: 1 })
    await watched()
    cluster.delete('s2')
    await gathered()
    cluster.compact()
    cluster.cut()
    await pass(10)
    await watched(3)
    assert.deepEqual([cluster.lists.length, heard.errors.length], [2, 0])
    cluster.watchTricks.push((response) => status(response, 410, 'too old resource version', 'Expired'))
    cluster.end()
    await pass(20, 2)
    await watched(5)
    assert.deepEqual([cluster.lists.length, heard.errors.length], [3, 0])
    assert.ok(heard.snapshots.every(({ endpoints }) => endpoints.length > 0))
  })

  it('what a new list misses is merely missing', async () => {
    cluster.put('s1', { ports: http, endpoints: [pod('a', '10.0.0.1')] })
    cluster.put('s2', { ports: http, endpoints: [pod('b', '10.0.0.2')] })
    watch()
    await watched()
    cluster.watchTricks.push((response) => status(response, 410, 'too old', 'Expired'))
    cluster.end()
    cluster.listTricks.push((response) => {
      const metadata = { resourceVersion: '102' }
      response.end(JSON.stringify({ kind: 'EndpointSliceList', metadata, items: null }))
    })
    await watched(3)
    assert.deepEqual(heard.last, { endpoints: [], complete: true }, 'nobody is said to have left')
  })

  it('a watch without a byte is ended after its time and counts as failed; then all is told again', async () => {
    cluster.put('s1', { ports: http, endpoints: [pod('a', '10.0.0.1')] })
    const object = { metadata: { name: 's2', resourceVersion: '101' } }
    cluster.watchTricks.push((response) => response.writeHead(200).write(line({ type: 'ADDED', object })))
    watch({ watchFor: '60s', timeout: '5s', gatherFor: 1000, random: () => 0 })
    await until(() => clock.pending === 2, 'its head and one event have come')
    await pass(64_999)
    assert.equal(heard.errors.length, 0)
    await pass(1)
    await until(() => heard.errors.length === 1, 'ended')
    assert.match(heard.error.message, /is silent/)
    await pass(500)
    await watched(2)
    assert.deepEqual([heard.snapshots.length, cluster.lists.length], [2, 1])
  })

  it('heads that never come have a deadline, at lists and at watches', async () => {
    cluster.listTricks.push(() => undefined)
    cluster.watchTricks.push((_, request) => request.socket.write('HTTP/1.1 200 OK\r\nX-Slow'))
    watch({ timeout: '2s', random: () => 0 })
    await until(() => cluster.lists.length === 1, 'asked')
    await aWhile()
    await pass(2000)
    await until(() => heard.errors.length === 1, 'ended')
    await pass(500)
    await until(() => cluster.watches.length === 1, 'watched')
    await aWhile()
    await pass(2000)
    await until(() => heard.errors.length === 2, 'ended')
    await pass(1000)
    await watched(2)
  })

  it('waits grow while it fails, and honour Retry-After', async () => {
    for (let failure = 0; failure < 4; failure++)
      cluster.listTricks.push((response) => status(response, 500, 'etcd is away'))
    cluster.listTricks.push((response) => response.writeHead(429, { 'retry-after': '20' }).end())
    watch({ random: () => 0 })
    for (const [nth, wait] of [500, 1000, 2000, 4000, 20_000].entries()) {
      await until(() => heard.errors.length === nth + 1, `failure ${nth + 1}`)
      await pass(wait - 1)
      assert.equal(cluster.lists.length, nth + 1)
      await pass(1)
    }
    await watched()
    assert.match(heard.errors[0]?.message ?? '', /answered 500: etcd is away/)
  })

  it('watches that end or break at once are no busy loop, and the latter are failures', async () => {
    for (let n = 0; n < 20; n++) cluster.watchTricks.push((response) => response.end())
    watch({ atMostEvery: '5s', random: () => 0 })
    await until(() => cluster.watches.length === 4, 'the burst')
    await aWhile()
    assert.equal(cluster.watches.length, 4)
    await pass(5000)
    assert.equal(cluster.watches.length, 5)
    cluster.watchTricks.length = 0
    cluster.watchTricks.push((_, request) => request.socket.resetAndDestroy())
    await pass(5000)
    await until(() => heard.errors.length === 1, 'a failure')
    assert.match(heard.error.message, /cannot be reached/)
  })

  it('garbage, an ERROR event, unknown events and lines that are too large lead to a new list', async () => {
    cluster.put('s1', { ports: http, endpoints: [pod('a', '10.0.0.1')] })
    watch({ maxAnswerBytes: 8192, random: () => 0 })
    const bad = [
      'nonsense\n',
      line({ type: 'ERROR', object: { code: 500, message: 'etcdserver: leader changed' } }),
      line({ type: 'RENAMED', object: { metadata: { resourceVersion: '101' } } }),
      line({ type: 'ADDED', object: { metadata: { name: 's9' } } }),
      'null\n',
      'x'.repeat(3000),
    ]
    const expected = [
      /no JSON nonsense/,
      /500 etcdserver: leader changed/,
      /type RENAMED/,
      /without a version/,
      /without/,
      /2048 bytes/,
    ]
    for (const [nth, bytes] of bad.entries()) {
      await watched(nth + 1)
      await aWhile()
      cluster.send(bytes)
      await until(() => heard.errors.length === nth + 1, `failure ${nth + 1}`)
      assert.match(heard.error.message, expected[nth] ?? /never/)
      await pass(500 * 2 ** nth)
      await until(() => cluster.lists.length === nth + 2, 'listed anew')
      assert.deepEqual(heard.ids, ['a'])
    }
  })

  it('lists that are garbage, of another kind or too large are failures that name what came', async () => {
    cluster.listTricks.push((response) => response.end('<html>'))
    cluster.listTricks.push((response) => response.end('{"kind":"PodList","metadata":{"resourceVersion":"1"}}'))
    cluster.listTricks.push((response) => response.end('{"kind":"EndpointSliceList","metadata":{},"items":[]}'))
    cluster.listTricks.push((response) => response.end(`["${'x'.repeat(9000)}"]`))
    cluster.listTricks.push((response) => status(response, 404, 'the server could not find the requested resource'))
    watch({ maxAnswerBytes: 8192, random: () => 0 })
    for (const [nth, pattern] of [
      /no JSON: <html>/,
      /no list/,
      /no list/,
      /more than 8192 bytes/,
      /404: the server/,
    ].entries()) {
      await until(() => heard.errors.length === nth + 1, `failure ${nth + 1}`)
      assert.match(heard.error.message, pattern)
      await pass(500 * 2 ** nth)
    }
    await watched()
  })

  it('401 and 403 say what to check and never show the token; a token file is read again', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'switchgear-'))
    try {
      const tokenFile = join(directory, 'token')
      writeFileSync(tokenFile, 'an-old-one\n')
      cluster.token = 'a-new-one'
      cluster.listTricks.push((response) => status(response, 403, 'account an-old-one cannot list'))
      watch({ tokenFile, random: () => 0 })
      await until(() => heard.errors.length === 1, '403')
      assert.equal(heard.error.code, 'SG_KUBERNETES_REFUSED')
      assert.match(heard.error.message, /account \[secret\] cannot list; .*list and watch on endpointslices/)
      await pass(500)
      await until(() => heard.errors.length === 2, '401')
      assert.equal(heard.error.code, 'SG_KUBERNETES_REFUSED')
      rmSync(tokenFile)
      await pass(1000)
      await until(() => heard.errors.length === 3, 'no file')
      assert.match(heard.error.message, /token cannot be read \(ENOENT\)/)
      writeFileSync(tokenFile, 'a-new-one\n')
      await pass(2000)
      await watched()
      cluster.token = 'the-next-one'
      writeFileSync(tokenFile, 'the-next-one\n')
      cluster.end()
      await watched(2)
      assert.ok(heard.errors.every(({ message }) => !/an-old-one|a-new-one/.test(message)))
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('a slice without the wanted port is told of once, and its endpoints are missing rather than gone', async () => {
    const problems: string[] = []
    cluster.put('s1', { ports: http, endpoints: [pod('a', '10.0.0.1')] })
    cluster.put('s2', { ports: http, endpoints: [pod('b', '10.0.0.2')] })
    watch({ port: 'http', onProblem: (problem) => problems.push(problem) })
    await watched()
    cluster.put('s2', { ports: [{ name: 'grpc', port: 50051 }], endpoints: [pod('b', '10.0.0.2')] })
    await gathered()
    await pass(100)
    assert.deepEqual([heard.ids, heard.last.left], [['a'], undefined])
    cluster.put('s1', { ports: [{ name: 'grpc', port: 50051 }], endpoints: [pod('a', '10.0.0.1')] })
    await gathered()
    await pass(100)
    assert.match(heard.error.message, /nothing of it can be used: no port http; there are grpc/)
    assert.equal(problems.length, 1)
  })
})

describe('closing', () => {
  it('ends watch, connection and timers, gathered events included, and tells nothing more', async () => {
    cluster.put('s1', { ports: http, endpoints: [pod('a', '10.0.0.1')] })
    const watching = watch()
    await watched()
    cluster.put('s1', { ports: http, endpoints: [] })
    await gathered()
    watching.close()
    watching.close()
    await until(() => cluster.open === 0, 'the watch ended')
    assert.equal(clock.pending, 0)
    await resolver?.close()
    await until(() => cluster.connections === 0, 'no connection is left')
    assert.deepEqual([heard.snapshots.length, heard.errors.length], [1, 0])
    assert.throws(() => resolver?.watch('payments', heard), { code: 'SG_BAD_OPTIONS' })
  })
})
