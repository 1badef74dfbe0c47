// The table of requirements of W3C Trace Context against the client: where a caller passes on the headers that it was given, in
// processes with telemetry and without, and below a server that telemetry traces.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { sendCrowd } from '../../telemetry/test/conformance/crowd.ts'
import { recordingTelemetry, runTable } from '../../telemetry/test/conformance/table.ts'
import { type RecordingService, recordingService, sendRaw } from '../../telemetry/test/conformance/wire.ts'
import { type Client, createClient } from '../src/index.ts'

const policies = [{ retry: { maxAttempts: 3, delay: 1, jitter: 0 } }]
let downstream: RecordingService
let client: Client

async function startClient(): Promise<() => Promise<void>> {
  downstream = await recordingService()
  client = createClient({ services: { stock: { endpoints: [downstream.origin], policies } } })
  return async () => {
    await client.close()
    await downstream.close()
  }
}

/** What makes a client's headers of those that a request came in with: all of them, as `fetch` takes them. */
async function passOn(headers: Iterable<readonly [string, string]>): Promise<void> {
  const response = await client.service('stock').fetch('/', { headers })
  assert.equal(await response.text(), 'ok')
}

runTable({
  title: 'a client in a process without telemetry',
  start: startClient,
  async handle({ incoming, calls }) {
    // Several calls are those of one that is repeated.
    downstream.failing = calls - 1
    await passOn(incoming)
    return downstream.take()
  },
})

runTable({
  title: 'a client in a process with telemetry',
  async start() {
    const { telemetry, spans } = recordingTelemetry()
    const end = await startClient()
    return async () => {
      await end()
      await telemetry.close()
      assert.ok(spans.some(({ name }) => name === 'stock'))
    }
  },
  async handle({ incoming, calls }) {
    downstream.failing = calls - 1
    await passOn(incoming)
    return downstream.take()
  },
})

let port: number
let calls: number
runTable({
  title: 'a client that a traced server calls with, passing nothing on itself',
  async start() {
    const { telemetry, spans } = recordingTelemetry()
    const end = await startClient()
    const server = createServer((_request, response) => {
      Promise.all(Array.from({ length: calls }, () => passOn([]))).then(
        () => response.end(),
        (error) => response.writeHead(500).end(String(error)),
      )
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
    return async () => {
      server.close()
      await end()
      await telemetry.close()
      assert.ok(spans.some(({ kind }) => kind === 'server') && spans.some(({ name }) => name === 'stock'))
    }
  },
  async handle(requirement) {
    calls = requirement.calls
    assert.equal(await sendRaw(port, requirement.incoming), 200)
    return downstream.take()
  },
})

test('a crowd through a traced server that calls with a client', async (t) => {
  const { telemetry } = recordingTelemetry({ maxBlocks: 64 })
  const end = await startClient()
  const server = createServer((incoming, response) => {
    const headers = [['x-id', String(incoming.headers['x-id'])]] as const
    Promise.all([passOn(headers), passOn(headers)]).then(
      () => response.end(),
      (error) => response.writeHead(500).end(String(error)),
    )
  }).listen(0, '127.0.0.1')
  t.after(async () => {
    server.close()
    await end()
    await telemetry.close()
  })
  await once(server, 'listening')
  await sendCrowd((server.address() as AddressInfo).port, downstream, 2)
})
