// The table of requirements against a server of node:http whose process has started telemetry and whose handler makes calls, by
// each of the HTTP clients that are instrumented.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { request } from 'undici'
import { alwaysOff, parentBased } from '../../src/index.ts'
import { recordingTelemetry, runTable } from './table.ts'
import { type RecordingService, recordingService, sendRaw } from './wire.ts'

/** Ways to make a call, each to its last byte. */
const clients: Readonly<Record<string, (url: string) => Promise<unknown>>> = {
  fetch: async (url) => (await fetch(url)).text(),
  'undici.request': async (url) => (await request(url)).body.text(),
  'node:http': async (url) => {
    const [response] = await once(get(url), 'response')
    await once(response.resume(), 'end')
  },
}

const subjects = [
  ...Object.entries(clients).map(([client, makeCall]) => ({
    title: `that calls by ${client}`,
    makeCall,
    sampler: undefined,
  })),
  // Where nothing is recorded, there are positions in a trace all the same.
  ...Object.entries(clients).map(([client, makeCall]) => ({
    title: `that records only what its callers do, and calls by ${client}`,
    makeCall,
    sampler: parentBased(alwaysOff),
  })),
]

for (const { title, makeCall, sampler } of subjects) {
  let downstream: RecordingService
  let port: number
  let calls: number
  runTable({
    title: `a server ${title}`,
    async start() {
      const { telemetry, spans } = recordingTelemetry({ sampler })
      downstream = await recordingService()
      const server = createServer((_request, response) => {
        const made = Array.from({ length: calls }, () => makeCall(downstream.origin))
        Promise.all(made).then(
          () => response.end('done'),
          (error) => response.writeHead(500).end(String(error)),
        )
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      port = (server.address() as AddressInfo).port
      return async () => {
        server.close()
        await downstream.close()
        await telemetry.close()
        // Otherwise the table has judged headers that nobody has traced.
        assert.ok(spans.some(({ kind }) => kind === 'server') && spans.some(({ kind }) => kind === 'client'))
      }
    },
    async handle(requirement) {
      calls = requirement.calls
      assert.equal(await sendRaw(port, requirement.incoming), 200)
      return downstream.take()
    },
  })
}
