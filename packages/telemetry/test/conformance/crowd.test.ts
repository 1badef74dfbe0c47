// A crowd through a traced server, by each of the HTTP clients that are instrumented, and by one whose pool has one connection.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Pool, request } from 'undici'
import { sendCrowd, crowdSize } from './crowd.ts'
import { recordingTelemetry } from './table.ts'
import { recordingService } from './wire.ts'

type Call = (headers: Record<string, string>) => Promise<unknown>

/** Makes a way to call a service, and answers what closes it. */
const clients: Readonly<Record<string, (origin: string) => readonly [Call, () => unknown]>> = {
  fetch: (origin) => [async (headers) => (await fetch(origin, { headers })).text(), () => undefined],
  'undici.request': (origin) => [async (headers) => (await request(origin, { headers })).body.text(), () => undefined],
  'a pool of one connection': (origin) => {
    const pool = new Pool(origin, { connections: 1 })
    const call: Call = async (headers) => (await pool.request({ path: '/', method: 'GET', headers })).body.text()
    return [call, () => pool.close()]
  },
  'node:http with one connection': (origin) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const call: Call = async (headers) => {
      const [answer] = await once(get(origin, { agent, headers }), 'response')
      await once(answer.resume(), 'end')
    }
    return [call, () => agent.destroy()]
  },
}

for (const [title, make] of Object.entries(clients)) {
  test(`a crowd through a server that calls by ${title}`, async (t) => {
    const { telemetry, spans } = recordingTelemetry({ maxBlocks: 64 })
    const downstream = await recordingService()
    const [call, closeClient] = make(downstream.origin)
    const server = createServer(async (incoming, response) => {
      const headers = { 'x-id': String(incoming.headers['x-id']) }
      await turn()
      await Promise.all([call(headers), call(headers)])
      response.end()
    }).listen(0, '127.0.0.1')
    t.after(async () => {
      await closeClient()
      server.close()
      await downstream.close()
      await telemetry.close()
    })
    await once(server, 'listening')
    await sendCrowd((server.address() as AddressInfo).port, downstream, 2)
    await telemetry.flush()
    const servers = new Map(spans.filter(({ kind }) => kind === 'server').map((span) => [span.traceId, span.spanId]))
    assert.equal(servers.size, crowdSize)
    const sent = spans.filter(
      ({ kind, attributes }) => kind === 'client' && attributes['server.port'] === downstream.port,
    )
    assert.equal(sent.length, crowdSize * 2)
    for (const { traceId, parentSpanId } of sent) assert.equal(parentSpanId, servers.get(traceId))
    assert.equal(telemetry.tracer.totals.dropped, 0)
  })
}
