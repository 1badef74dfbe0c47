import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { seededRandom } from '@switchgear/core/testing'
import { ask, drawKind, kinds, Load, verdictOf } from '../src/load.ts'
import { Scoreboard } from '../src/scoreboard.ts'

async function serverOf(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const pathOf = (route: string): string => route.slice(route.indexOf(' ') + 1)

function draw(seed: number): string[] {
  const random = seededRandom(seed)
  return Array.from({ length: 4000 }, () => drawKind(random).route)
}

test('the same seed draws the same mix, in the shares that were asked for', () => {
  const routes = draw(3)
  assert.deepEqual(draw(3), routes)
  assert.notDeepEqual(draw(4), routes)
  for (const { route, share } of kinds) {
    const drawn = routes.filter((other) => other === route).length / routes.length
    assert.ok(Math.abs(drawn - share) < 0.03, `${route}: ${drawn} instead of ${share}`)
  }
})

test('verdicts are honest', () => {
  const marked = { 'switchgear-fallback': 'queueForLater' }
  assert.equal(verdictOf(201, {}), 'full')
  assert.equal(verdictOf(202, marked), 'fallback')
  assert.equal(verdictOf(503, { 'retry-after': '3' }), 'refused')
  assert.equal(verdictOf(503, {}), 'failed')
  assert.equal(verdictOf(500, marked), 'failed')
})

test('it sends at its rate to every shop alike, although one never answers', async (t) => {
  const seen: string[] = []
  const answering = await serverOf(t, (request, response) => {
    seen.push(`${request.method} ${request.url}`)
    response.end('{}')
  })
  const silent = await serverOf(t, () => {})
  const [ours, theirs] = [new Scoreboard(), new Scoreboard()]
  const load = new Load({
    perSecond: 50,
    random: seededRandom(1),
    targets: [
      { urlOf: (route) => answering + pathOf(route), score: ours },
      { urlOf: (route) => silent + pathOf(route), score: theirs },
    ],
  })
  const begun = performance.now()
  load.start()
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const waiting = theirs.inFlight
  const due = (50 * (performance.now() - begun)) / 1000
  await load.stop(100)
  const sent = ours.samples.length
  assert.ok(Math.abs(sent - due) <= 0.2 * due, `about ${due} were due, ${sent} were sent`)
  assert.ok(waiting >= 0.8 * due, `rate x time pile up where nobody answers: ${due}, got ${waiting}`)
  assert.equal(theirs.samples.length, sent)
  assert.ok(ours.samples.every(({ verdict }) => verdict === 'full'))
  assert.ok(theirs.samples.every(({ verdict, why }) => verdict === 'failed' && why === 'no answer'))
  assert.deepEqual([ours.inFlight, theirs.inFlight], [0, 0])
  assert.ok(kinds.every(({ route }) => seen.includes(route)))
})

test('an answer that breaks in the middle is a failure', async (t) => {
  const origin = await serverOf(t, (_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half')
    setTimeout(() => response.destroy(), 20)
  })
  const { verdict, why } = await ask(`${origin}/orders`, 'GET /orders', undefined, AbortSignal.timeout(5000))
  assert.deepEqual([verdict, why], ['failed', 'ECONNRESET'])
})

test('a dead port is a failure with a name', async () => {
  const score = new Scoreboard()
  const load = new Load({
    perSecond: 100,
    random: seededRandom(1),
    targets: [{ urlOf: () => 'http://127.0.0.1:1/', score }],
  })
  load.start()
  await new Promise((resolve) => setTimeout(resolve, 150))
  await load.stop(1000)
  assert.ok(score.samples.length > 0)
  assert.ok(score.samples.every(({ verdict }) => verdict === 'failed'))
  assert.ok(score.samples.every(({ why }) => why === 'ECONNREFUSED'))
})
