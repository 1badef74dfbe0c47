// The table of requirements over HTTP/2, as gRPC has it: a traced server of node:http2. Calls of node:http2 itself are not asked:
// nothing can be added to their headers from outside.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, connect, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { type HeaderPair, requirements } from '../propagation/requirements.ts'
import { recordingTelemetry, runTable } from './table.ts'
import { type RecordingService, recordingService } from './wire.ts'

/** What HTTP/2 itself refuses, before any server sees it. */
const notFor: Record<string, string> = {}
for (const { id, incoming } of requirements) {
  if (incoming.some(([name]) => name !== name.toLowerCase())) notFor[id] = 'names in HTTP/2 are lower-case'
  if (incoming.some(([, value]) => value !== value.trim()))
    notFor[id] = 'values in HTTP/2 have no white space around them'
}

let caller: ClientHttp2Session
let downstream: RecordingService
let calls = 1

runTable({
  title: 'a server of node:http2',
  notFor,
  async start() {
    const { telemetry, spans } = recordingTelemetry()
    downstream = await recordingService()
    const server = createServer((_request, response) => {
      const made = Array.from({ length: calls }, async () => (await fetch(downstream.origin)).text())
      Promise.all(made).then(
        () => response.end(),
        (error) => response.writeHead(500).end(String(error)),
      )
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    caller = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    return async () => {
      caller.close()
      server.close()
      await downstream.close()
      await telemetry.close()
      assert.ok(spans.some(({ kind }) => kind === 'server') && spans.some(({ kind }) => kind === 'client'))
    }
  },
  async handle(requirement) {
    calls = requirement.calls
    assert.equal(await send(requirement.incoming), 200)
    return downstream.take()
  },
})

/** Sends a request with these header lines; the status of the answer. */
async function send(incoming: readonly HeaderPair[]): Promise<number> {
  const headers: Record<string, string[]> = {}
  for (const [name, value] of incoming) (headers[name] ??= []).push(value)
  const stream = caller.request({ ':path': '/', ...headers })
  const [answer] = (await once(stream, 'response')) as [{ readonly ':status'?: number }]
  await once(stream.resume(), 'close')
  return answer[':status'] ?? 0
}
