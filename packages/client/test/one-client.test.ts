// One client with all its faces at once: what one of them learns the others know, discovery may be a resolver, and closing it ends all.
import assert from 'node:assert/strict'
import { get } from 'node:http'
import { test } from 'node:test'
import { credentials } from '@grpc/grpc-js'
import { staticResolver } from '@switchgear/discovery'
import { request } from 'undici'
import { grpcOptions } from '../src/grpc/index.ts'
import { createClient } from '../src/index.ts'
import { instance, Orders } from './grpc/rig.ts'
import { httpOrigin } from './origin.ts'

test('fetch, undici, node:http and gRPC go through the same services of one client', async (t) => {
  const web = await httpOrigin(t, (_request, response) => response.end('shop'))
  const rpc = await instance(t, 'one')
  const resolver = staticResolver({ shop: [web.url], orders: [`http://127.0.0.1:${rpc.port}`] })
  const client = createClient({ discovery: resolver, services: { shop: {} }, discovered: true })
  const orders = new Orders('switchgear:///orders', credentials.createInsecure(), grpcOptions(client))
  const uninstall = client.install()
  t.after(async () => {
    uninstall()
    orders.close()
    await client.close()
  })

  assert.equal(await (await client.service('shop').fetch('/')).text(), 'shop')
  assert.equal(await (await fetch('http://shop/')).text(), 'shop')
  const { body } = await request('http://shop/', { dispatcher: client.dispatcher })
  assert.equal(await body.text(), 'shop')
  const answer = await new Promise<string>((resolve, reject) => {
    get('http://shop/', { agent: client.agent }, (response) => {
      response.setEncoding('utf8').on('data', resolve).on('error', reject)
    }).on('error', reject)
  })
  assert.equal(answer, 'shop')
  assert.equal((await orders.ask('hello')).text, 'one')

  const [shop] = client.service('shop').endpoints
  assert.deepEqual([shop?.state, shop?.inFlight], ['healthy', 0])
  await client.close()
  await assert.rejects(client.service('shop').fetch('/'), { code: 'SG_CLIENT_CLOSED' })
})
