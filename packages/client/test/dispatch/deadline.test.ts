// By when a call has to be over: who says so, and what each request tells the service of it.
import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { describe, it } from 'node:test'
import { type PolicySpec, systemClock } from '@switchgear/core'
import { VirtualClock } from '@switchgear/core/testing'
import { activeContext, runIn } from '@switchgear/telemetry'
import { clientOf, httpOrigin } from '../origin.ts'

const policies: PolicySpec[] = [{ retry: { maxAttempts: 2, delay: 60, jitter: 0 } }]

describe('a deadline', () => {
  it('travels as what remains at each send, and the earliest one wins', async (t) => {
    const seen: IncomingHttpHeaders[] = []
    const origin = await httpOrigin(t, ({ headers }, response) => {
      seen.push(headers)
      response.writeHead(seen.length % 2 === 1 ? 503 : 200).end()
    })
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    const service = client.service('shop')
    const told = (): number[] => seen.splice(0).map(({ 'x-request-deadline': ms }) => Number(ms))
    await (await service.fetch('/', { deadline: systemClock.now() + 1000 })).text()
    const [first = 0, second = 0] = told()
    assert.ok(first > 800 && first <= 1000, `${first}`)
    assert.ok(second >= 500 && second <= first - 59, `${second} after ${first}`)

    await (await service.fetch('/')).text()
    assert.deepEqual(told(), [Number.NaN, Number.NaN])

    const within = activeContext().withDeadline(systemClock.now() + 2000)
    await runIn(within, async () => (await service.fetch('/', { deadline: systemClock.now() + 9000 })).text())
    assert.ok(told().every((ms) => ms > 1000 && ms <= 2000))

    const headers = { 'X-Request-Deadline': '3000' }
    await runIn(within, async () => (await service.fetch('/', { headers })).text())
    assert.ok(told().every((ms) => ms <= 2000))
    const { body } = await client.dispatcher.request({ origin: 'http://shop', path: '/', method: 'GET', headers })
    await body.dump()
    assert.ok(told().every((ms) => ms > 2000 && ms <= 3000))
  })

  it('is that of the total timeout, and also a grpc-timeout where gRPC is spoken', async (t) => {
    const seen: IncomingHttpHeaders[] = []
    const origin = await httpOrigin(t, ({ headers }, response) => {
      seen.push(headers)
      response.end()
    })
    const { client } = clientOf(t, {
      endpoints: [origin.url],
      policies: [{ timeout: 700 }, ...policies, { timeout: 100 }],
    })
    const headers = { 'content-type': 'application/grpc+proto', 'grpc-timeout': '1H' }
    await (await client.service('shop').fetch('/', { method: 'POST', headers })).text()
    const { 'x-request-deadline': deadline, 'grpc-timeout': timeout } = seen[0] ?? assert.fail()
    assert.ok(Number(deadline) > 500 && Number(deadline) <= 700, String(deadline))
    assert.equal(timeout, `${deadline}m`)
  })

  it('that has passed lets nothing be sent, whoever says so', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.end())
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    const late = { code: 'SG_DEADLINE_EXCEEDED' }
    const service = client.service('shop')
    await assert.rejects(service.fetch('/', { headers: { 'x-request-deadline': '0' } }), late)
    await assert.rejects(
      runIn(activeContext().withDeadline(systemClock.now() - 1), () => service.fetch('/')),
      late,
    )
    assert.equal(origin.accepted, 0)
  })

  it('of a context holds on a clock of its own', async (t) => {
    const clock = new VirtualClock({ now: 5_000_000 })
    const origin = await httpOrigin(t, ({ headers }, response) => response.end(headers['x-request-deadline']))
    const { client } = clientOf(t, { endpoints: [origin.url], policies }, { clock })
    const within = activeContext().withDeadline(systemClock.now() + 400)
    const told = await runIn(within, async () => (await client.service('shop').fetch('/')).text())
    assert.ok(Number(told) > 200 && Number(told) <= 400, told)
  })
})
