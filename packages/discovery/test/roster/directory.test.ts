// Services under watch: one watch and one timer, bounds, names, listeners, the end.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SwitchgearError } from '@switchgear/core'
import { VirtualClock } from '@switchgear/core/testing'
import { createDirectory } from '../../src/directory.ts'
import type { Directory, RosterView } from '../../src/roster.ts'
import { complete, instance, ScriptedResolver } from './script.ts'

interface Stage {
  readonly clock: VirtualClock
  readonly source: ScriptedResolver
  readonly problems: SwitchgearError[]
  readonly directory: Directory
}

function stage(options: { maxServices?: number; maxEndpoints?: number } = {}): Stage {
  const clock = new VirtualClock()
  const source = new ScriptedResolver()
  const problems: SwitchgearError[] = []
  const directory = createDirectory({
    resolver: source,
    clock,
    onProblem: (problem) => problems.push(problem),
    ...options,
  })
  return { clock, source, problems, directory }
}

const ids = (view: RosterView): string[] => view.entries.map((entry) => entry.endpoint.id)

describe('the directory', () => {
  test('watches a service once, whoever asks, and answers one roster', () => {
    const { source, directory } = stage()
    const roster = directory.roster('payments')
    assert.equal(directory.roster('payments'), roster)
    assert.equal(source.watches, 1)
    assert.equal(roster.view.state, 'waiting')
    assert.deepEqual(directory.services(), ['payments'])
  })

  test('tells the passing of time by itself, with one timer for all services', async () => {
    const { clock, source, directory } = stage()
    const told: string[] = []
    for (const service of ['a', 'b', 'c']) {
      directory.roster(service).subscribe((view) => told.push(`${clock.now()} ${service} ${ids(view).join('')}`))
      source.found(service, complete('x', 'y'))
    }
    assert.equal(clock.pending, 0, 'nothing is due, so nothing waits')
    source.found('a', complete('x'))
    await clock.advance(10_000)
    source.found('b', complete('y'))
    assert.equal(clock.pending, 1)
    told.length = 0
    await clock.advance(60_000)
    assert.deepEqual(told, ['30000 a x', '40000 b y'])
    assert.equal(clock.pending, 0)
  })

  test('answers the same view until something changes', () => {
    const { source, directory } = stage()
    const roster = directory.roster('payments')
    source.found('payments', complete('x', 'y'))
    const { view } = roster
    source.found('payments', complete('x', 'y'))
    assert.equal(roster.view, view)
    source.found('payments', { endpoints: [instance('x', { zone: 'b' }), instance('y')], complete: true })
    assert.notEqual(roster.view, view)
    assert.equal(roster.view.entries[1], view.entries[1], 'what did not change stays the same object')
  })

  test('marks a silent source with the error and the time, and heals', async () => {
    const { clock, source, directory } = stage()
    const roster = directory.roster('payments')
    source.found('payments', complete('x'))
    await clock.advance(1000)
    source.failed('payments', new Error('refused'))
    const since = clock.wallNow()
    await clock.advance(1000)
    source.failed('payments', new Error('refused'))
    assert.deepEqual(
      [roster.view.state, roster.view.since, roster.view.error?.message, ids(roster.view)],
      ['stale', since, 'refused', ['x']],
    )
    source.found('payments', complete('x'))
    assert.deepEqual([roster.view.state, roster.view.error], ['live', undefined])
  })

  test('lets an absent endpoint go that cannot be reached, and never a present one', () => {
    const { source, directory } = stage()
    const roster = directory.roster('payments')
    source.found('payments', complete('x', 'y'))
    roster.unreachable('y')
    assert.deepEqual(ids(roster.view), ['x', 'y'])
    source.found('payments', complete('x'))
    roster.unreachable('y')
    roster.unreachable('nobody')
    assert.deepEqual(ids(roster.view), ['x'])
  })

  test('a listener that throws is reported, and the others hear', () => {
    const { source, directory, problems } = stage()
    const roster = directory.roster('payments')
    const heard: number[] = []
    roster.subscribe(() => {
      throw new Error('broken listener')
    })
    const end = roster.subscribe((view) => heard.push(view.entries.length))
    source.found('payments', complete('x'))
    end()
    source.found('payments', complete('x', 'y'))
    assert.deepEqual(heard, [1])
    assert.deepEqual(
      problems.map((problem) => problem.code),
      ['SG_DISCOVERY_LISTENER', 'SG_DISCOVERY_LISTENER'],
    )
    assert.match(problems[0]?.message ?? '', /payments: .*broken listener/)
  })

  test('views are heard in order, also when a listener causes the next one', () => {
    const { source, directory } = stage()
    const roster = directory.roster('payments')
    const heard: string[] = []
    let done = false
    roster.subscribe((view) => {
      heard.push(`one ${ids(view).join('')}`)
      if (view.entries.some((entry) => entry.presence === 'absent') && !done) {
        done = true
        roster.unreachable('y')
      }
    })
    roster.subscribe((view) => heard.push(`two ${ids(view).join('')}`))
    source.found('payments', complete('x', 'y'))
    source.found('payments', complete('x'))
    assert.deepEqual(heard, ['one xy', 'two xy', 'one xy', 'two xy', 'one x', 'two x'])
  })

  test('a listener that subscribes again each time is told once for each view', () => {
    const { source, directory } = stage()
    const roster = directory.roster('payments')
    let heard = 0
    const again = (): void => {
      heard++
      end()
      end = roster.subscribe(again)
    }
    let end = roster.subscribe(again)
    source.found('payments', complete('x'))
    assert.equal(heard, 1)
    source.found('payments', complete('x', 'y'))
    assert.equal(heard, 2)
  })

  test('holds its bounds: services, and endpoints of a service', () => {
    const { source, directory, problems } = stage({ maxServices: 2, maxEndpoints: 3 })
    const roster = directory.roster('a')
    directory.roster('b')
    assert.throws(() => directory.roster('c'), { code: 'SG_DISCOVERY_FULL' })
    assert.equal(directory.roster('a'), roster)
    source.found('a', complete('1', '2', '3', '4', '5'))
    source.found('a', complete('1', '2', '3', '4', '5', '6'))
    assert.deepEqual(ids(roster.view), ['1', '2', '3'])
    assert.deepEqual(
      problems.map((problem) => problem.code),
      ['SG_DISCOVERY_FULL'],
    )
    source.found('a', complete('3', '4', '5'))
    assert.deepEqual(ids(roster.view), ['3', '4', '5'], 'absent ones make room for present ones')
  })

  test('lets go of a service that nobody subscribes to, so that it counts no longer', async () => {
    const { clock, source, directory } = stage({ maxServices: 1 })
    const roster = directory.roster('guess')
    const end = roster.subscribe(() => undefined)
    source.found('guess', complete('x', 'y'))
    assert.equal(directory.release('guess'), false, 'somebody hears of it')
    assert.ok(source.watchers.has('guess'))
    end()
    source.found('guess', complete('x'))
    assert.equal(directory.release('guess'), true)
    assert.equal(directory.release('guess'), true, 'it is not under watch any more')
    assert.ok(!source.watchers.has('guess'))
    assert.deepEqual(directory.services(), [])
    assert.deepEqual(ids(roster.view), ['x', 'y'], 'whoever holds it still sees what it was')
    const next = directory.roster('payments')
    assert.throws(() => directory.roster('guess'), { code: 'SG_DISCOVERY_FULL' })
    await clock.advance(60_000)
    assert.equal(clock.pending, 0)
    assert.ok(directory.release('payments'))
    assert.notEqual(directory.roster('payments'), next, 'it begins anew')
    assert.equal(source.watches, 3)
  })

  test('takes only names that can be files', () => {
    const { directory } = stage()
    const bad = ['', '..', 'a..b', 'a/b', 'A', 'ä', `${'x'.repeat(101)}`, '../../etc/passwd', 'a\0', 'a b']
    for (const name of bad)
      assert.throws(() => directory.roster(name), { code: 'SG_BAD_OPTIONS' }, JSON.stringify(name))
    assert.throws(() => directory.roster(7 as unknown as string), { code: 'SG_BAD_OPTIONS' })
    for (const name of ['a', 'orders.v2', 'x_y-z', 'x'.repeat(100)]) directory.roster(name)
  })

  test('leaves nothing behind when it is closed', async () => {
    const { clock, source, directory } = stage()
    const roster = directory.roster('payments')
    source.found('payments', complete('x', 'y'))
    source.found('payments', complete('x'))
    await directory.close()
    await directory.close()
    assert.equal(clock.pending, 0)
    assert.ok(source.isClosed)
    assert.deepEqual(ids(roster.view), ['x', 'y'])
    assert.equal(directory.roster('payments'), roster)
    assert.throws(() => directory.roster('orders'), { code: 'SG_DISCOVERY_CLOSED' })
  })

  test('checks its options', () => {
    const resolver = new ScriptedResolver()
    assert.throws(() => createDirectory({ resolver: {} as ScriptedResolver }), /directory\.resolver\.watch/)
    assert.throws(() => createDirectory({ resolver, absentFor: '3 years' }), /directory\.absentFor/)
    assert.throws(() => createDirectory({ resolver, maxServices: 0 }), /directory\.maxServices/)
    assert.throws(() => createDirectory({ resolver, lastKnown: '' }), /directory\.lastKnown/)
    assert.throws(() => createDirectory({ resolver, cachePath: 'x' } as { resolver: ScriptedResolver }), /cachePath/)
  })
})
