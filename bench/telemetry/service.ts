// The server that is measured, in a process of its own: started with a variant, it says its port, and whenever it is asked, how much CPU
// time it has used and how many spans it has made. The handler is the same in all variants.
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { MemoryLoad } from './memory-load.ts'
import { argument, type Ask, type Reading, say } from './messages.ts'
import { contextOnly, type CountSpans, instrumented } from './ours.ts'
import { stock } from './stock.ts'

/** What a service is started with. */
export interface ServiceTask {
  readonly variant: string
  /** Where spans are exported to. */
  readonly collector: number
  /** The port of the service that this one calls for each request. */
  readonly next?: number
}

const { variant, collector, next } = argument<ServiceTask>()
const countSpans = setUp()
// Required only now, and not imported: OpenTelemetry can only patch what is required after it.
const { createServer } = createRequire(import.meta.url)('http') as typeof import('node:http')

const body = JSON.stringify({ id: 42, state: 'paid', items: ['tea', 'pot'] })
const head = { 'content-type': 'application/json', 'content-length': body.length }
const pool = next === undefined ? undefined : new (await import('undici')).Pool(`http://127.0.0.1:${next}`)
const server = createServer((_, response) => {
  if (pool === undefined) return void response.writeHead(200, head).end(body)
  pool
    .request({ path: '/orders/42', method: 'GET' })
    .then((answer) => answer.body.text())
    .then((text) => response.writeHead(200, head).end(text))
    .catch((error: unknown) => response.destroy(error as Error))
})
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => say({ port: (server.address() as AddressInfo).port }))

const memory = new MemoryLoad(server)
process.on('message', async ({ drive = 0 }: Ask) => {
  if (drive > 0) await memory.drive(drive)
  // Counting flushes, so that what is still to be exported is paid for in the block that made it.
  const spans = await countSpans()
  const { user, system } = process.cpuUsage()
  const reading: Reading = { cpuMicros: user + system, spans }
  say(reading)
})

function setUp(): CountSpans {
  if (variant === 'context') return contextOnly()
  if (variant.startsWith('ours') || variant === 'hop-ours') return instrumented(variant, collector)
  if (variant.startsWith('stock')) return stock(variant, collector)
  return () => Promise.resolve(0)
}
