// Many requests at a time over few connections, each with a trace and a baggage of its own: what comes out for one of them must
// be its own. A table asks one request after the other, and so says nothing of contexts that get mixed up.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import type { HeaderPair } from '../propagation/requirements.ts'
import type { RecordingService } from './wire.ts'

const lanes = 16
const turns = 25

/** How many requests that are. */
export const crowdSize: number = lanes * turns

/**
 * Sends the crowd to `port`. Whoever listens makes `calls` calls for each request to `downstream`, with the request's header
 * `x-id`; answers nothing, and fails where a call belongs to another request than its own.
 */
export async function sendCrowd(port: number, downstream: RecordingService, calls: number): Promise<void> {
  downstream.take()
  const agent = new Agent({ keepAlive: true, maxSockets: lanes / 2 })
  const lane = async (number: number): Promise<void> => {
    for (let turn = 0; turn < turns; turn++) {
      const id = `c0de${(number * turns + turn).toString(16).padStart(28, '0')}`
      const headers = {
        'x-id': id,
        traceparent: `00-${id}-00f067aa0ba902b7-01`,
        tracestate: `at=${id}`,
        baggage: `id=${id}`,
      }
      const sent = request({ host: '127.0.0.1', port, agent, headers }).end()
      const [answer] = await once(sent, 'response')
      assert.equal(answer.statusCode, 200)
      await once(answer.resume(), 'end')
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)))
  agent.destroy()
  const made = downstream.take()
  assert.equal(made.length, crowdSize * calls)
  const parents = new Set<string | undefined>()
  for (const headers of made) {
    const id = valueOf(headers, 'x-id')
    const [, traceId, parentId] = valueOf(headers, 'traceparent')?.split('-') ?? []
    assert.deepEqual(
      [traceId, valueOf(headers, 'tracestate'), valueOf(headers, 'baggage')],
      [id, `at=${id}`, `id=${id}`],
    )
    parents.add(parentId)
  }
  assert.equal(parents.size, made.length, 'each call has a parent id of its own')
}

function valueOf(headers: readonly HeaderPair[], wanted: string): string | undefined {
  return headers.find(([name]) => name.toLowerCase() === wanted)?.[1]
}
