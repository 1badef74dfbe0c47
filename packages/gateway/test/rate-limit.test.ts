// A rate limit in front of a service: who is over it gets 429 and is told what is allowed, in the fields of the IETF draft.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import { call, service, stand, tearDown } from './stand.ts'

afterEach(tearDown)

test('429 with Retry-After, RateLimit and RateLimit-Policy; when the quota is back, so is the service', async () => {
  const clock = new VirtualClock()
  const upstream = await service((_request, response) => response.end('ok'))
  const policies = [{ rateLimit: { name: 'burst', limit: 2, window: '1m' } }]
  const services = { payments: { endpoints: [upstream.origin], policies } }
  const { url } = await stand({ routes: [{ path: '/', service: 'payments' }], services, clock })
  assert.deepEqual([(await call(url)).status, (await call(url)).status], [200, 200])
  const answer = await call(url)
  assert.deepEqual([answer.status, answer.problem().code, upstream.requests.length], [429, 'SG_RATE_LIMITED', 2])
  assert.deepEqual(
    ['retry-after', 'ratelimit-policy', 'ratelimit'].map((name) => answer.headers[name]),
    ['30', '"burst";q=2;w=60', '"burst";r=0;t=30'],
  )
  await clock.advance(30_000)
  assert.equal((await call(url)).status, 200)
})
