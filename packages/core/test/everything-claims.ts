// What must hold of every run when everything has ended. The short and the long run share it.
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { SwitchgearError } from '../src/index.ts'
import { isShared } from '../src/shared.ts'
import type { Part, Story } from './everything.ts'
import type { Book } from './everything-books.ts'
import { Answer, type Run } from './everything-cast.ts'
import { World } from './everything-world.ts'

/** Rejections that nobody handled. The host tells of them when promises have come to rest, so a run ends with a turn of it. */
const unhandled: unknown[] = []
process.on('unhandledRejection', (error) => unhandled.push(error))

/** Plays it and checks everything. Answers what was played. */
export async function holds(story: Story): Promise<World> {
  const world = new World(story)
  await world.play()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(unhandled.splice(0), [])
  assert.deepEqual(world.problems, [])
  assertIdle(world)
  for (const run of world.runs) assertAnswered(world, run)
  for (const answer of world.answers) assertReceived(answer)
  for (const book of world.books) assertCounted(world, book)
  for (const [index] of world.parts.entries()) assertCharged(world, index)
  return world
}

/** The same seed gives the same run. */
export async function repeats(story: Story): Promise<void> {
  const [first, second] = [new World(story), new World(story)]
  await first.play()
  await second.play()
  assert.deepEqual(second.trace, first.trace)
}

function assertIdle({ clock, open, books, parts, trace, fleet }: World): void {
  assert.deepEqual([...open.values()], [], 'a ledger still holds a pass')
  for (const { policy, admitted, exited } of books) {
    assert.equal(admitted, exited, `${policy.name}: ${admitted} entered and ${exited} left`)
    const idle = { inFlight: 0, queued: 0, probesInFlight: 0, ...policy.snapshot?.() }
    assert.deepEqual([idle.inFlight, idle.queued, idle.probesInFlight], [0, 0, 0], policy.name)
  }
  const newcomer = fleet.join()
  for (const { policy } of books) {
    for (const name of ['main', 'aside'])
      assert.ok(newcomer.takeProbe(`${name}/${policy.name}`, 1), `the fleet misses the probe of ${policy.name}`)
  }
  assert.equal(clock.pending, 0, `a timer is left of ${parts.map(({ kind }) => kind)}: ${trace.at(-1)}`)
}

/** How often a function may run for one call. */
function mostRuns(parts: readonly Part[], idempotent: boolean): number {
  if (!idempotent) return 1
  return parts.reduce((most, part) => {
    if (part.kind === 'retry') return most * Math.max(part.first.maxAttempts ?? 3, part.later.maxAttempts ?? 3)
    if (part.kind === 'hedge') return most * (1 + Math.max(part.first.maxHedges ?? 1, part.later.maxHedges ?? 1))
    return part.kind === 'cache' ? most * 2 : most
  }, 1)
}

function assertAnswered(world: World, run: Run): void {
  const { answer, visit, controller, dueAt, index } = run
  assert.ok(answer !== undefined && answer.state !== 'pending', `call ${index} was never answered`)
  assert.ok((answer.at ?? Infinity) <= dueAt, `call ${index} was answered at ${answer.at}, due at ${dueAt}`)
  assert.ok(run.runs <= mostRuns(world.partsOf(run), visit.idempotent), `call ${index} ran ${run.runs} times`)
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
  const { result } = answer
  if (result instanceof Answer && result.visit !== run)
    assert.ok(visit.key !== undefined && result.visit.visit.key === visit.key, `call ${index} got the value of another`)
  if (answer.state === 'rejected' && typeof result === 'string') assert.equal(result, controller.signal.reason)
  if (result instanceof SwitchgearError) assert.notEqual(result.code, 'SG_HEDGE_LOST')
  if (result instanceof SwitchgearError) assert.notEqual(result.code, 'SG_BAD_OPTIONS')
}

/** A value that nobody received was discarded once; one that was received or is shared, never. */
function assertReceived(answer: Answer): void {
  const { received, discarded, result } = answer
  const what = `a value (${result}) was received ${received} times and discarded ${discarded} times`
  if (isShared(answer)) assert.equal(discarded, 0, `${what}, although it is shared`)
  // A classifier that throws costs the caller its answer.
  else if (result === 'broken') assert.ok(received + discarded <= 1, what)
  else assert.equal(received + discarded, 1, what)
}

/** A call that ran has used its part of a rate limit, whatever became of it. */
function assertCharged({ policies, parts, runs, partsOf }: World, index: number): void {
  const is = policies[index]?.snapshot?.()
  if (is?.policy !== 'rateLimit') return
  const passed = (run: Run): boolean => run.runs > 0 && parts.length - partsOf(run).length <= index
  const ran = runs.filter(passed).length
  const { admitted, givenBack } = is.totals
  assert.ok(admitted - givenBack >= ran, `${is.name}: ${ran} ran, ${admitted} admitted, ${givenBack} given back`)
}

/** What a policy says of itself is what was seen of it. */
function assertCounted(world: World, book: Book): void {
  const { policy, admitted, settled } = book
  const is = policy.snapshot?.()
  const purse = world.purses.get(policy)
  book.look()
  const rejections = book.count('rejected')
  const claim = (claimed: unknown, seen: unknown): void => assert.deepEqual(claimed, seen, policy.name)
  switch (is?.policy) {
    case 'bulkhead':
    case 'adaptiveLimit':
    case 'rateLimit':
    case 'throttle':
      return claim([is.totals.admitted, is.totals.rejections], [admitted, rejections])
    case 'shed':
      return claim([is.totals.admitted, is.totals.sheds.reduce((sum, one) => sum + one, 0)], [admitted, rejections])
    case 'circuitBreaker': {
      const { totals } = is
      assert.ok(totals.failures >= settled.failure, policy.name)
      claim([totals.successes, totals.ignored], [settled.success, settled.ignored])
      return claim([totals.rejections, totals.transitions], [rejections, book.count('transition')])
    }
    case 'retry':
      return claim([is.totals.retries, is.totals.retries], [book.count('retry'), purse?.paid])
    case 'hedge':
      claim([is.totals.hedges, is.totals.hedges], [book.count('hedge'), purse?.paid])
      return claim(is.totals.wins, book.count('hedgeWon'))
    case 'timeout':
      return claim([is.totals.timeouts, is.totals.abandoned], [book.count('timeout'), book.count('abandoned')])
    case 'fallback':
      return claim(is.totals.used, book.count('fallback'))
    case 'cache': {
      const { hits, misses, stale, staleOnError } = is.totals
      const seen = ['hit', 'miss', 'stale', 'staleOnError'].map((result) => book.count('cache', 'result', result))
      return claim([hits, misses, stale, staleOnError], seen)
    }
    case 'coalesce':
      return claim(is.totals.joined, book.count('coalesced'))
    case 'chaos': {
      const seen = ['latency', 'error', 'hang'].map((fault) => book.count('chaos', 'fault', fault))
      return claim([is.totals.delays, is.totals.errors, is.totals.hangs], seen)
    }
    default:
      return undefined
  }
}
