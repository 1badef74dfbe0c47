// From what a file says of discovery to a directory that finds: secrets from files and variables, chains, and what is missing.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { parseConfig } from '@switchgear/config'
import type { Directory, RosterView } from '@switchgear/discovery'
import { directoryFrom, type DirectorySurroundings } from '../src/index.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchgear-directory-'))
  await writeFile(join(folder, 'endpoints.json'), '{ "orders": ["http://10.0.0.1:4001"] }')
})
after(() => rm(folder, { recursive: true }))

const open: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

async function made(discovery: string, surroundings: DirectorySurroundings = {}): Promise<Directory> {
  const config = parseConfig(`services: { orders: {} }\ndiscovery: ${discovery}`)
  assert.ok(config.discovery !== undefined)
  const directory = await directoryFrom(config.discovery, { onProblem: () => undefined, ...surroundings })
  open.push(directory)
  return directory
}

/** The first view that holds. */
function seen(directory: Directory, holds: (view: RosterView) => boolean): Promise<RosterView> {
  const roster = directory.roster('orders')
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not in time: ${JSON.stringify(roster.view)}`)), 10_000)
    const look = (): void => {
      if (!holds(roster.view)) return
      clearTimeout(timer)
      end()
      resolve(roster.view)
    }
    const end = roster.subscribe(look)
    look()
  })
}

const isThere = (view: RosterView): boolean => view.entries.length > 0

test('a file, alone and in each chain', async () => {
  const file = `file: { path: '${join(folder, 'endpoints.json')}' }`
  const none = `file: { path: '${join(folder, 'none.json')}' }`
  for (const discovery of [
    `{ ${file}, lastKnown: '${join(folder, 'known')}', absentFor: 10s }`,
    `{ prefer: [{ ${none} }, { ${file} }] }`,
    `{ fallBack: [{ ${none} }, { ${file} }], fallBackAfter: 1s }`,
    `{ merge: [{ ${none} }, { ${file} }] }`,
  ]) {
    const { entries } = await seen(await made(discovery), isThere)
    assert.equal(entries[0]?.endpoint.address, '10.0.0.1', discovery)
  }
})

test('tokens come from a file or a variable, and go to the source', async () => {
  const asked: unknown[] = []
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization ?? request.headers['x-consul-token'])
    response.writeHead(500).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const surroundings = {
    environment: { REGISTRY_TOKEN: ' secret-of-registry\n' },
    readFile: (path: string) => Promise.resolve(path === '/run/consul' ? 'secret-of-consul\n' : 'secret-of-kubernetes'),
  }
  const sources = [
    `{ registry: { urls: ${url}, tokenVariable: REGISTRY_TOKEN } }`,
    `{ consul: { url: ${url}, tokenFile: /run/consul } }`,
    `{ kubernetes: { server: ${url}, namespace: shop, tokenVariable: REGISTRY_TOKEN } }`,
  ]
  for (const source of sources) await seen(await made(source, surroundings), ({ error }) => error !== undefined)
  for (const one of open.splice(0)) await one.close()
  server.close().closeAllConnections()
  const wanted = ['Bearer secret-of-registry', 'secret-of-consul', 'Bearer secret-of-registry']
  assert.deepEqual([...new Set(asked)], [...new Set(wanted)])
})

test('sources that need certificates or users get them, and are made without being connected', async () => {
  const read: string[] = []
  const surroundings = {
    environment: { PASSWORD: 'geheim', KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' },
    readFile: (path: string) => Promise.resolve(read.push(path) > 0 ? 'text' : ''),
  }
  await made("{ dns: { name: '{service}.internal', port: 80, hosts: false } }", surroundings)
  await made('{ etcd: { urls: [http://a], username: u, passwordVariable: PASSWORD, caFile: /ca } }', surroundings)
  const credentials = '{ user: u, passFile: /pass, tokenVariable: PASSWORD, certFile: /cert, keyFile: /key }'
  await made(`{ nats: { servers: [a:4222], bucket: b, credentials: ${credentials} } }`, surroundings)
  assert.deepEqual(read, ['/ca', '/pass', '/cert', '/key'])
})

test('what is missing is told with its place, and nothing that was read is', async () => {
  const surroundings = {
    environment: { EMPTY: ' ', BROKEN: 'ge heim' },
    readFile: (path: string) =>
      Promise.reject(Object.assign(new Error('no'), { code: path === '/none' ? 'ENOENT' : 'EACCES' })),
  }
  const wrong: [string, RegExp][] = [
    [
      '{ registry: { urls: http://a, tokenFile: /none } }',
      /^discovery\.registry\.tokenFile: \/none: there is no such file$/,
    ],
    [
      '{ consul: { url: http://a, caFile: /shut } }',
      /^discovery\.consul\.caFile: \/shut: it cannot be read \(EACCES\)$/,
    ],
    [
      '{ registry: { urls: http://a, tokenVariable: GONE } }',
      /^discovery\.registry\.tokenVariable: .* no variable GONE$/,
    ],
    [
      '{ registry: { urls: http://a, tokenVariable: EMPTY } }',
      /^discovery\.registry\.tokenVariable: there is nothing in it$/,
    ],
    ['{ registry: { urls: http://a, tokenVariable: BROKEN } }', /token must be a token$/],
    [
      '{ merge: [{ dns: { port: 80 } }, { etcd: { urls: http://a, keyFile: /none, certFile: /none } }] }',
      /^discovery\.merge\[1\]\.etcd\.certFile/,
    ],
  ]
  for (const [discovery, message] of wrong) {
    await assert.rejects(made(discovery, surroundings), (error: Error & { code: string }) => {
      assert.equal(error.code, 'SG_BAD_OPTIONS')
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /heim/)
      return true
    })
  }
  await assert.rejects(made('{ kubernetes: true }', { environment: {} }), { code: 'SG_KUBERNETES_OUTSIDE' })
})
