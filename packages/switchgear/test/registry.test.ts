// The registry as a command, and what it is asked by another: what was registered outlives a restart, nothing secret is printed, and
// what cannot be is told in one line.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { endpoint } from '@switchgear/discovery'
import { run } from '../src/index.ts'
import { changes, instanceTable } from '../src/registry/instance-table.ts'
import { RegistryProcess, type RegistryProcessOptions } from '../src/registry/registry-process.ts'
import type { RegistryView } from '../src/registry/source.ts'
import { stateFolder } from '../src/state-folder.ts'
import { Child } from './child.ts'
import { recorder } from './recorder.ts'
import { needs } from '../../discovery/test/peers.ts'
import { NatsServer } from '../../discovery/test/registry/nats-server.ts'

let folder: string
before(async () => void (folder = await mkdtemp(join(tmpdir(), 'switchgear-registry-'))))
after(() => rm(folder, { recursive: true }))

const ending: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end()
})

async function running(options: Partial<RegistryProcessOptions> = {}): Promise<{ url: string; token: string }> {
  const tokenPath = join(folder, 'token')
  const fixed = { host: '127.0.0.1', port: 0, hosts: [], addresses: [], file: undefined, nats: undefined }
  const registry = await RegistryProcess.start({ ...fixed, tokenPath, onProblem: assert.fail, ...options })
  ending.push(() => registry.stop())
  return { url: registry.url ?? '', token: (await readFile(tokenPath, 'utf8')).trim() }
}

async function said(...args: string[]): Promise<{ code: number; out: string; errors: string }> {
  const terminal = recorder()
  const code = await run(args, terminal)
  return { code, out: terminal.out.join('\n'), errors: terminal.errors.join('\n') }
}

async function register(url: string, token: string, name: string, body: object): Promise<{ secret: string }> {
  const response = await fetch(`${url}/v1/services/${name}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  assert.equal(response.status, 201, await response.clone().text())
  return (await response.json()) as { secret: string }
}

test('the command keeps what was registered over SIGTERM and a new start, and never prints the token', async () => {
  const [file, state] = [join(folder, 'books.db'), join(folder, 'state')]
  const start = (...more: string[]): Child => {
    const child = new Child(['registry', '--port', '0', '--file', file, ...more], { XDG_STATE_HOME: state })
    ending.push(() => child.stop())
    return child
  }
  const first = start('--json')
  const ready = JSON.parse(await first.firstLine()) as { event: string; url: string; file: string; tokenFile: string }
  const tokenPath = join(state, 'switchgear', 'registry-token')
  assert.deepEqual([ready.event, ready.file, ready.tokenFile], ['ready', file, tokenPath])
  assert.equal((await stat(tokenPath)).mode & 0o777, 0o600)
  const token = (await readFile(tokenPath, 'utf8')).trim()
  await register(ready.url, token, 'orders/instances/orders-1', { port: 8080, leaseMs: 60_000 })
  // Two on one file would write over each other.
  const locked = start()
  assert.equal(await locked.ended(), 1)
  assert.equal(locked.stderr, `another process has the registry's file ${file} open\n`)
  assert.equal(await first.stop(), 0)
  const [, last = ''] = first.stdout.trimEnd().split('\n')
  assert.deepEqual(JSON.parse(last), { event: 'stopped', version: 1, services: 1, instances: 1 })

  const second = start()
  const line = await second.firstLine()
  const [, url = ''] = /^registry at (http:\/\/127\.0\.0\.1:\d+), kept in /.exec(line) ?? []
  assert.ok(line.endsWith(`the token that registers is in ${tokenPath}`), line)
  const { code, out } = await said('endpoints', '--registry', url, '--json')
  const { services } = JSON.parse(out) as { services: RegistryView[] }
  assert.deepEqual([code, services[0]?.instances[0]?.endpoint.id, services[0]?.complete], [0, 'orders-1', true])
  assert.equal(await second.stop(), 0)
  assert.match(second.stdout, /\nended; \S+books\.db has 1 instance of 1 service\n$/)
  for (const { stdout, stderr } of [first, second]) {
    assert.equal(stderr, '')
    assert.ok(!stdout.includes(token))
  }
})

test('a port that is taken is told with what to do, and the file is let go', async () => {
  const { url } = await running()
  const file = join(folder, 'taken.db')
  const { port } = new URL(url)
  const { code, errors } = await said('registry', '--port', port, '--file', file, '--token-file', join(folder, 'token'))
  assert.equal(code, 1)
  assert.equal(
    errors,
    `cannot listen at 127.0.0.1 port ${port}: another process listens there already; give another --port, or end that process`,
  )
  await running({ file })
})

test('the table has what the registry sees of each instance', async () => {
  const { url, token } = await running()
  await register(url, token, 'orders/instances/orders-1', { port: 8080, zone: 'eu-1a', version: '1.2.0', weight: 0.5 })
  const { secret } = await register(url, token, 'orders/instances/orders-2', { port: 8081 })
  await register(url, token, 'payments/instances/p', { port: 8082 })
  const beat = await fetch(`${url}/v1/services/orders/instances/orders-2/heartbeat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: '{"ready":false}',
  })
  assert.equal(beat.status, 200)
  const all = await said('endpoints', '--registry', url)
  assert.deepEqual([all.code, all.errors], [0, ''])
  const [head, ...lines] = all.out.split('\n')
  assert.match(head ?? '', /^service +instance +address +health +for +zone +version +weight$/)
  assert.match(lines[0] ?? '', /^orders +orders-1 +127\.0\.0\.1:8080 +healthy +\S.* +eu-1a +1\.2\.0 +0\.5$/)
  assert.match(lines[1] ?? '', /^orders +orders-2 +127\.0\.0\.1:8081 +unready +\S.* +- +- +1$/)
  assert.match(lines[2] ?? '', /^payments +p /)
  // In memory only, it has just begun: there may be instances that it has not heard of yet.
  assert.match(all.out, /\n3 instances of 2 services\nthere may be more of orders, payments: /)
  const one = await said('endpoints', 'payments', 'nothing', 'payments', '--registry', url)
  assert.match(one.out, /\nnothing +\(none\)\npayments +p /)
  assert.doesNotMatch(one.out, /orders/)
})

test('a watch tells what changes until it is interrupted, and waits for a registry that is away', async () => {
  const { url, token } = await running()
  await register(url, token, 'orders/instances/a', { port: 8080 })
  const child = new Child(['endpoints', '--watch', '--registry', url])
  ending.push(() => child.stop())
  await child.firstLine()
  await register(url, token, 'orders/instances/b', { port: 8081 })
  await until(
    () => child.stdout.includes('orders b: new, healthy at 127.0.0.1:8081'),
    () => child.stdout,
  )
  await ending.shift()?.()
  await until(
    () => /no registry answers .*; asking again\n/.test(child.stderr),
    () => child.stderr,
  )
  assert.equal(child.process.exitCode, null)
  assert.equal(await child.stop(), 0)
})

test('two registries behind one NATS bucket know the same', needs('nats-server'), async (t) => {
  const server = await NatsServer.start(t)
  // What is said while the server is being found is nobody's concern here.
  const shared = { nats: { servers: [server.address], bucket: 'shared' }, onProblem: () => undefined }
  const [one, other] = [await running(shared), await running(shared)]
  await register(one.url, one.token, 'orders/instances/a', { port: 8080, leaseMs: 60_000 })
  let out = ''
  const end = Date.now() + 20_000
  while (!/orders +a +127/.test(out) && Date.now() < end) {
    out = (await said('endpoints', '--registry', other.url)).out
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.match(out, /orders +a +127\.0\.0\.1:8080 +healthy/)
  for (const stop of ending.splice(0).toReversed()) await stop()
})

test('where reading needs a token it is named, and sent only when it was given', async () => {
  const { url } = await running({ host: '0.0.0.0', hosts: ['localhost'] })
  const registry = `http://127.0.0.1:${new URL(url).port}`
  const refused = await said('endpoints', '--registry', registry)
  assert.equal(refused.code, 1)
  assert.match(refused.errors, /refuses \(SG_REGISTRY_DENIED\): .*: give --token-file$/)
  const { code, out } = await said('endpoints', '--registry', registry, '--token-file', join(folder, 'token'))
  assert.deepEqual([code, out], [0, 'no services are registered'])
})

test('whoever is no registry is not taken for one', async () => {
  const answers: [status: number, body: string][] = [
    [200, '<html>'],
    [200, '{"services":[1]}'],
    [200, '{"services":["a"]}'],
    [404, 'nothing here'],
  ]
  const server = createServer((_, response) => {
    const [status = 500, body] = answers[0] ?? []
    response.writeHead(status).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  ending.push(async () => void server.close().closeAllConnections())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  while (answers.length > 0) {
    const { code, out, errors } = await said('endpoints', '--registry', url)
    assert.deepEqual([code, out], [1, ''])
    assert.match(errors, /is no registry: (it answers \d+|its answer is none of a registry)$/)
    answers.shift()
  }
})

test('what cannot be is told in one line', async () => {
  const readable = join(folder, 'readable')
  await writeFile(readable, 'sgt1_x')
  await chmod(readable, 0o644)
  const wrong: [string[], number, RegExp][] = [
    [['registry', '--memory', '--file', 'x.db'], 2, /--memory keeps no file/],
    [['registry', '--bucket', 'x'], 2, /--bucket needs --nats/],
    [['registry', '--nats', 'u:p@nats:4222'], 2, /without user/],
    [['registry', '--port', '70000'], 2, /port in \[0, 65535\]/],
    [['registry', '--memory', '--token-file', readable], 1, /can be read or written by others; its mode must be 0600/],
    [
      ['registry', '--memory', '--port', '0', '--allow-address', 'x', '--token-file', join(folder, 't')],
      1,
      /registry\.addresses/,
    ],
    [['endpoints', '--registry', 'registry:4330'], 2, /--registry must be http/],
    [['endpoints', '--registry', 'http://u:geheim@a'], 2, /--registry must be http/],
    [['endpoints', '--token-file', join(folder, 'none')], 1, /ENOENT/],
  ]
  for (const [args, code, message] of wrong) {
    const { code: ended, out, errors } = await said(...args)
    assert.deepEqual([ended, out], [code, ''], args.join(' '))
    assert.match(errors, message)
    assert.doesNotMatch(errors, /geheim|^\s+at /m)
  }
})

test('the state folder is that of the user', () => {
  assert.equal(stateFolder({ XDG_STATE_HOME: '/a/b' }), '/a/b/switchgear')
  for (const given of [undefined, '', 'relative'])
    assert.match(stateFolder({ XDG_STATE_HOME: given }), /\/\.local\/state\/switchgear$/)
})

function view(service: string, ...instances: RegistryView['instances'][number][]): RegistryView {
  return { service, complete: true, instances }
}

function instance(
  id: string,
  more: Partial<RegistryView['instances'][number]> = {},
): RegistryView['instances'][number] {
  // What a stranger on that port says need not be what a registry would let in.
  const known = { ...endpoint({ address: '::1', port: 80 }, 'x'), id }
  return { endpoint: known, incarnation: 1, health: 'healthy', reason: undefined, since: 1000, ...more }
}

test('changes are told by instance, and nothing that somebody registered moves the cursor', () => {
  const evil = instance('a\u009b31m', { health: 'unhealthy', reason: 'x\u001b[2Jy' })
  const lines = instanceTable([view('orders', evil)], { paint: (_, text) => text }, 61_000)
  assert.ok(
    lines.every((line) => !/[\p{Cc}\p{Cf}]/u.test(line)),
    lines.join('\n'),
  )
  assert.match(lines.join('\n'), /\[::1\]:80 +unhealthy +60 s/)
  const before = [view('orders', instance('a'), instance('b')), view('mail', instance('m'))]
  const now = [view('orders', instance('b', { health: 'unhealthy', reason: 'silent' }), instance('c', { since: 5 }))]
  assert.deepEqual(changes(before, now), [
    'mail m: gone',
    'orders a: gone',
    'orders b: healthy at [::1]:80 -> unhealthy at [::1]:80 (silent)',
    'orders c: new, healthy at [::1]:80',
  ])
  assert.deepEqual(changes(now, now), [])
})

async function until(holds: () => boolean, said: () => string): Promise<void> {
  const end = Date.now() + 20_000
  while (!holds()) {
    if (Date.now() > end) assert.fail(`not in time: ${said()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
