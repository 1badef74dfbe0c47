// What becomes another protocol, before its service has an endpoint: it waits as every call does, and can be given up meanwhile.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import type { Dispatcher } from 'undici'
import { type ClientOptions, createClient } from '../../src/index.ts'
import { ToldRoster } from '../faces/rig.ts'

const chat = { origin: 'http://chat', path: '/', protocol: 'echo' } as Dispatcher.UpgradeOptions

function waiting(t: TestContext, options: Partial<ClientOptions> = {}) {
  const discovery = new ToldRoster('chat')
  const client = createClient({ services: { chat: {} }, discovery, ...options })
  t.after(() => client.close())
  return { discovery, client }
}

async function echo(t: TestContext): Promise<number> {
  const server = createServer().on('upgrade', (_request, socket: Socket) => {
    socket.on('error', () => undefined)
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n')
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

describe('an upgrade without an endpoint', () => {
  it('waits for the first one', async (t) => {
    const port = await echo(t)
    const { client, discovery } = waiting(t)
    const upgraded = client.dispatcher.upgrade(chat)
    setTimeout(() => discovery.tell([port]), 30)
    const { socket } = await upgraded
    socket.write('hello')
    assert.equal(String(await new Promise((resolve) => socket.once('data', resolve))), 'hello')
    socket.destroy()
  })

  it('can be aborted while it waits, also in the turn in which the endpoint comes', async (t) => {
    const port = await echo(t)
    for (const told of [false, true]) {
      const { client, discovery } = waiting(t)
      const controller = new AbortController()
      const upgraded = client.dispatcher.upgrade({ ...chat, signal: controller.signal })
      const reason = new Error('enough')
      setTimeout(() => {
        if (told) discovery.tell([port])
        controller.abort(reason)
      }, 10)
      await assert.rejects(upgraded, (error) => error === reason)
    }
  })

  it('is refused when none comes in time, and ends with its client', async (t) => {
    const clock = new VirtualClock()
    const { client } = waiting(t, { clock })
    const late = assert.rejects(client.dispatcher.upgrade(chat), { code: 'SG_NO_ENDPOINT' })
    await clock.advance(5000)
    await late
    const closed = assert.rejects(client.dispatcher.upgrade(chat), { code: 'SG_CLIENT_CLOSED' })
    await client.close()
    await closed
  })
})
