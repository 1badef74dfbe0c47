// The last known endpoints on a real disk: what is written and when, what a start finds, and every way in which a file is wrong.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { SwitchgearError } from '@switchgear/core'
import { VirtualClock } from '@switchgear/core/testing'
import { createDirectory } from '../../src/directory.ts'
import { endpoint } from '../../src/endpoint.ts'
import { decodeLastKnown, encodeLastKnown } from '../../src/last-known-format.ts'
import type { Directory } from '../../src/roster.ts'
import { complete, ScriptedResolver } from './script.ts'

let place: string
beforeEach(() => (place = mkdtempSync(join(tmpdir(), 'last-known-'))))
afterEach(() => rmSync(place, { recursive: true, force: true }))

interface Life {
  readonly clock: VirtualClock
  readonly source: ScriptedResolver
  readonly problems: SwitchgearError[]
  readonly directory: Directory
}

function live(lastKnown = place, maxEndpoints?: number): Life {
  const clock = new VirtualClock()
  const source = new ScriptedResolver()
  const problems: SwitchgearError[] = []
  const directory = createDirectory({
    resolver: source,
    clock,
    lastKnown,
    maxEndpoints,
    onProblem: (problem) => problems.push(problem),
  })
  return { clock, source, problems, directory }
}

const file = (): string => join(place, 'payments.json')
const codes = (life: Life): string[] => life.problems.map((problem) => problem.code)
const held = (life: Life): string[] => life.directory.roster('payments').view.entries.map((entry) => entry.endpoint.id)

/** Until the files are what they should be: writing is the real disk's business, not the virtual clock's. */
async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !holds(); turn++) await new Promise((resolve) => setTimeout(resolve, 2))
  assert.ok(holds(), holds.toString())
}

async function remember(...ids: readonly string[]): Promise<void> {
  const life = live()
  life.directory.roster('payments')
  life.source.found('payments', complete(...ids))
  await life.directory.close()
  assert.deepEqual(codes(life), [])
}

describe('last known endpoints', () => {
  test('of a service that was let go stay, with what the next life of it learns', async () => {
    const life = live()
    const roster = life.directory.roster('payments')
    life.source.found('payments', complete('x'))
    assert.ok(life.directory.release('payments'))
    life.directory.roster('payments')
    life.source.found('payments', complete('y'))
    // Who still holds the roster of before has no say in it.
    roster.unreachable('x')
    await life.directory.close()
    assert.deepEqual(held(live()), ['y'])
  })

  test('a start without the registry has them at once, marked stale since they were written', async () => {
    await remember('x', 'y')
    const life = live()
    const { view } = life.directory.roster('payments')
    assert.deepEqual(
      [view.state, view.since, view.entries.map((entry) => entry.endpoint.id)],
      ['stale', 1_767_225_600_000, ['x', 'y']],
    )
    life.source.failed('payments', new Error('refused'))
    await life.clock.advance(3_600_000)
    assert.deepEqual(held(life), ['x', 'y'])
    assert.equal(life.directory.roster('payments').view.error?.message, 'refused')
    life.source.found('payments', complete('y', 'z'))
    assert.deepEqual(held(life), ['x', 'y', 'z'], 'the rules of absence apply to them')
    await life.clock.advance(30_000)
    assert.deepEqual(held(life), ['y', 'z'])
    await life.directory.close()
  })

  test('a registry that is empty after everything restarted empties nothing at once', async () => {
    await remember('x', 'y')
    const life = live()
    life.directory.roster('payments')
    life.source.found('payments', complete())
    await life.clock.advance(299_999)
    assert.deepEqual(held(life), ['x', 'y'])
    await life.directory.close()
  })

  test('a burst of changes is written once a second, whole and privately', async () => {
    const life = live()
    life.directory.roster('payments')
    for (let n = 0; n < 100; n++) life.source.found('payments', complete(`x${n}`))
    await life.clock.advance(999)
    assert.deepEqual(readdirSync(place), [])
    await life.clock.advance(1)
    await until(() => readdirSync(place).includes('payments.json'))
    const known = decodeLastKnown(readFileSync(file(), 'utf8'), 'payments')
    assert.equal(known.endpoints.length, 100)
    assert.equal(statSync(file()).mode & 0o777, 0o600)
    life.source.failed('payments')
    life.source.found('payments', { endpoints: known.endpoints, complete: true })
    await life.directory.close()
    assert.deepEqual(readdirSync(place), ['payments.json'])
  })

  test('what changes while it is written is written again', async () => {
    const life = live()
    life.directory.roster('payments')
    life.source.found('payments', complete('x'))
    await life.clock.advance(1000)
    life.source.found('payments', complete('x', 'y'))
    await until(() => life.clock.pending === 1)
    await life.clock.advance(1000)
    await until(() => decodeLastKnown(readFileSync(file(), 'utf8'), 'payments').endpoints.length === 2)
    await life.directory.close()
  })

  test('a damaged file is set aside and told, however it is damaged', async () => {
    await remember('x')
    const text = readFileSync(file(), 'utf8')
    const damaged = [
      '',
      'null',
      '{}',
      '[]',
      text.slice(0, 60),
      text.replace('x.test', 'y.test'),
      text.replace('"payments"', '"other"'),
      text.replace('"version": 1', '"version": 0'),
      '\0'.repeat(text.length),
      encodeLastKnown({ service: 'orders', endpoints: [], wallMs: 0 }),
    ]
    for (const content of damaged) {
      writeFileSync(file(), content)
      const life = live()
      assert.deepEqual(held(life), [], content.slice(0, 40))
      assert.deepEqual(codes(life), ['SG_LAST_KNOWN_CORRUPT'], content.slice(0, 40))
      assert.equal(readFileSync(`${file()}.corrupt`, 'utf8'), content)
      life.source.found('payments', complete('n'))
      await life.directory.close()
      assert.equal(decodeLastKnown(readFileSync(file(), 'utf8'), 'payments').endpoints.length, 1)
    }
  })

  test('the file of a newer version is refused by name, and left alone', async () => {
    const newer = JSON.stringify({ version: 2, more: 'than we know' })
    writeFileSync(file(), newer)
    const life = live()
    assert.deepEqual(held(life), [])
    assert.match(life.problems[0]?.message ?? '', /payments\.json has format 2, written by a newer Switchgear/)
    life.source.found('payments', complete('x'))
    await life.directory.close()
    assert.equal(readFileSync(file(), 'utf8'), newer)
    assert.deepEqual(codes(life), ['SG_LAST_KNOWN_VERSION'])
  })

  test('a disk that cannot be written is told once, stops nobody, and is tried again', async () => {
    const blocked = join(place, 'blocked')
    writeFileSync(blocked, 'a file where the directory should be')
    const life = live(blocked)
    life.directory.roster('payments')
    for (const id of ['x', 'y', 'z']) {
      life.source.found('payments', complete(id))
      await life.clock.advance(31_000)
      await until(() => life.clock.pending === 1)
    }
    assert.deepEqual(codes(life), ['SG_LAST_KNOWN_FAILED'])
    assert.ok(held(life).includes('z'))
    rmSync(blocked)
    await life.clock.advance(31_000)
    await until(() => readdirSync(place).includes('blocked') && readdirSync(blocked).includes('payments.json'))
    await life.directory.close()
  })

  test('what a process left that died while writing is removed, what another one writes now is not', () => {
    const old = join(place, 'payments.json.0123456789ab.tmp')
    const young = join(place, 'payments.json.ba9876543210.tmp')
    for (const path of [old, young]) writeFileSync(path, 'half')
    const { clock } = live()
    const now = clock.wallNow() / 1000
    utimesSync(old, now - 3600, now - 3600)
    utimesSync(young, now, now)
    live()
    assert.deepEqual(readdirSync(place), ['payments.json.ba9876543210.tmp'])
  })

  test('the text keeps everything of an endpoint', () => {
    const full = endpoint(
      {
        id: 'ünit "1"',
        address: '2001:db8::1',
        port: 8443,
        scheme: 'https',
        zone: 'b',
        weight: 0.5,
        version: '1.2.3',
        metadata: { '10': 'ten', __proto__x: 'y', a: '' },
        readiness: 'draining',
      },
      'full',
    )
    const known = { service: 'payments', endpoints: [full], wallMs: 1_767_225_600_123 }
    assert.deepEqual(decodeLastKnown(encodeLastKnown(known), 'payments'), known)
  })
})
