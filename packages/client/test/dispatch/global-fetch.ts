// What global `fetch` meets once a client is installed, told as one line of JSON. A program of its own, so that a test can run it on
// every Node that is here: each has another undici inside, which talks to dispatchers in other words.
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { setGlobalDispatcher } from 'undici'
import { createClient } from '../../src/index.ts'
import { until } from '../origin.ts'

const servers: ReturnType<typeof createServer>[] = []
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** The first of two requests to a path below /flaky gets 503. */
const flaky = new Map<string, number>()
let hanging = 0
const shop = await serve((request, response) => {
  const { pathname } = new URL(request.url ?? '', 'http://shop')
  void text(request).then((body) => {
    const told = { method: request.method, host: request.headers.host, body, type: request.headers['content-type'] }
    if (pathname.startsWith('/flaky')) {
      const count = (flaky.get(pathname) ?? 0) + 1
      flaky.set(pathname, count)
      if (count === 1) return void response.writeHead(503).end('not now')
    }
    if (pathname === '/gzip') response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('small'))
    else if (pathname === '/large') response.end(Buffer.alloc(3_000_000, 'x'))
    else if (pathname === '/empty') response.writeHead(204, { 'set-cookie': ['a=1', 'b=2'] }).end()
    else if (pathname === '/hang') hanging++
    else if (pathname === '/moved') response.writeHead(302, { location: '/echo' }).end()
    else if (pathname === '/cut')
      response.writeHead(200, { 'content-length': '9' }).write('half', () => response.destroy())
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(told))
  })
  request.on('error', () => undefined)
})
const other = await serve((request, response) => response.end(`untouched ${request.headers.traceparent === undefined}`))
const failing = await serve((_request, response) => response.writeHead(500).end())

const policies = [
  { retry: { maxAttempts: 6, delay: 1, budget: { ratio: 1, minPerSecond: 100 } } },
  { circuitBreaker: { consecutiveFailures: 50 } },
  { timeout: '5s' },
]
const client = createClient({
  services: {
    shop: { endpoints: [shop, 'http://127.0.0.1:1'], policies, balancer: 'roundRobin' },
    weak: { endpoints: [failing], policies: [{ circuitBreaker: { consecutiveFailures: 1 } }] },
    spare: { endpoints: [failing], policies, fallback: { name: 'spare', status: 203, body: 'instead' } },
  },
})

async function story(): Promise<Record<string, unknown>> {
  const failed = (error: Error & { cause?: { code?: string; name?: string } }): unknown =>
    [error.name, error.cause?.code].filter((part) => part !== undefined).join(' ')
  const json = async (path: string, init?: RequestInit): Promise<unknown> =>
    (await fetch(`http://shop${path}`, init)).json()
  const controller = new AbortController()
  const aborted = fetch('http://shop/hang', { signal: controller.signal }).catch(failed)
  await until(() => hanging > 0, 'the request that hangs')
  controller.abort()
  await (await fetch('http://weak/')).arrayBuffer()
  const empty = await fetch('http://shop/empty')
  const spare = await fetch('http://spare/')
  return {
    get: await json('/echo?q=1'),
    retried: await json('/flaky/get'),
    posted: await json('/echo', { method: 'POST', body: 'hello' }),
    repeated: await json('/flaky/put', { method: 'PUT', body: 'again' }),
    keyed: await json('/flaky/post', { method: 'POST', body: 'paid', headers: { 'Idempotency-Key': 'k' } }),
    streamed: await json('/flaky/stream', {
      method: 'PUT',
      body: new Blob(['st', 'ream']).stream(),
      duplex: 'half',
    } as RequestInit),
    unrepeated: (await fetch('http://shop/flaky/once', { method: 'POST', body: 'x' })).status,
    gzip: await (await fetch('http://shop/gzip')).text(),
    large: (await buffer((await fetch('http://shop/large')).body as never)).length,
    empty: [empty.status, empty.headers.getSetCookie(), await empty.text()],
    head: (await fetch('http://shop/echo', { method: 'HEAD' })).headers.get('content-type'),
    moved: await json('/moved'),
    cut: await (await fetch('http://shop/cut')).text().catch(failed),
    refused: await fetch('http://weak/').catch(failed),
    spare: [spare.status, spare.headers.get('switchgear-fallback'), await spare.text()],
    aborted: await aborted,
    other: await (await fetch(other)).text(),
    unknown: await fetch('http://shopp.invalid/').catch((error: Error) => error.name),
  }
}

const before = await (await fetch(other)).text()
const uninstall = client.install()
const installed = await story()
uninstall()
const after = await fetch('http://shop/echo').then(
  () => 'still ours',
  (error: Error) => error.name,
)
flaky.clear()
hanging = 0
// The breaker has learned; the second story must find it as the first one did.
const breaker = client.service('weak').pipeline.policies[0] as {
  isolate?(reason: string): void
  release?(options: object): void
}
breaker.isolate?.('between the stories')
breaker.release?.({ to: 'closed' })
setGlobalDispatcher(client.dispatcher)
const set = await story()
console.log(JSON.stringify({ before, installed, after, set }))
await client.close()
for (const server of servers) {
  server.closeAllConnections()
  server.close()
}
