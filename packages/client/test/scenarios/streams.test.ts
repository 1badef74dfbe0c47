// Scenarios: large bodies with back-pressure, and callers who give up.
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import type { Client } from '../../src/index.ts'
import { clientOf, httpOrigin, until } from '../origin.ts'
import { download, echo, upload } from './streams.ts'

const faces = ['service.fetch', 'dispatcher'] as const

describe('large bodies are held back by who is slow', () => {
  it('down, through service.fetch', (t) => download(t, { face: 'service.fetch', megabytes: 48 }))
  it('up, through service.fetch', (t) => upload(t, { face: 'service.fetch', megabytes: 48 }))
  it('up and down at once, through the dispatcher', (t) => echo(t, { face: 'dispatcher', megabytes: 48 }))
})

/** Begins a request that `signal` ends, and answers once its head is there. */
const begin = async (client: Client, face: (typeof faces)[number], path: string, signal: AbortSignal) => {
  if (face === 'service.fetch') return (await client.service('shop').fetch(path, { signal })).text()
  return (await request(`http://shop${path}`, { dispatcher: client.dispatcher, signal })).body.text()
}

for (const face of faces) {
  describe(`who gives up a call through ${face} gives up the request at the endpoint`, { concurrency: true }, () => {
    for (const [when, path] of [
      ['before the head', '/silent'],
      ['in the middle of the body', '/endless'],
    ] as const)
      it(when, async (t) => {
        const ended: string[] = []
        let begun = 0
        const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
          response.once('close', () => ended.push(String(incoming.url)))
          begun++
          while (incoming.url === '/endless' && !response.destroyed) {
            if (!response.write('more')) await sleep(1)
            await sleep(5)
          }
        }
        const origin = await httpOrigin(t, (incoming, response) => void answer(incoming, response))
        const { client, snapshot } = clientOf(t, { endpoints: [origin.url] })
        const controller = new AbortController()
        const reason = new Error('enough')
        const asked = assert.rejects(begin(client, face, path, controller.signal), (error) => error === reason)
        await until(() => begun === 1, 'the request')
        await sleep(50)
        assert.deepEqual(ended, [])
        controller.abort(reason)
        await asked
        await until(() => ended.length === 1, 'its end at the endpoint')
        assert.equal(begun, 1, 'nobody tries it again')
        assert.deepEqual(
          client.service('shop').endpoints.map(({ inFlight }) => inFlight),
          [0],
        )
        const slots = snapshot().policies.find(({ policy }) => policy === 'bulkhead')
        assert.equal((slots as { inFlight?: number } | undefined)?.inFlight, 0)
      })
  })
}
