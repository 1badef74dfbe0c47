// A span store in bad company: a process that adds to it is killed at any moment and must find on its file all that it had been told
// was stored, below the byte cap; and thousands of random questions, answered as by a naive store in memory. SWITCHGEAR_SEED and
// SWITCHGEAR_RUNS: see `long-run.ts`.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '@switchgear/core/testing'
import { openSpanStore, type SpanStore } from '../../src/store/span-store.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import { type Dice, diceOf, scaled, seed, usedBytes } from '../long-run.ts'
import { filled } from './filled.ts'
import { NaiveStore, question } from './naive.ts'
import { span, traceIdOf } from './spans.ts'

const folder = mkdtempSync(join(tmpdir(), 'span-store-long-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const adder = fileURLToPath(new URL('adding-process.ts', import.meta.url))

function sizeOf(path: string): number {
  return ['', '-wal', '-shm', '-journal'].reduce(
    (sum, end) => sum + (existsSync(path + end) ? statSync(path + end).size : 0),
    0,
  )
}

interface Life {
  /** Traces that it found when it opened the file. */
  readonly found: number
  /** It was told that all below this number are stored. */
  readonly until: number
  readonly largest: number
}

/** Lets a process add traces from `first` on and kills it a random time after its first batch. */
async function live(path: string, maxBytes: number, first: number, dice: Dice): Promise<Life> {
  const args = [
    '--conditions=@switchgear/source',
    adder,
    path,
    String(maxBytes),
    String(first),
    String(dice.below(2 ** 31)),
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let found = -1
  let until = first
  let largest = 0
  const lifeMs = dice.chance(0.2) ? 0 : dice.below(600)
  const exited = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, number] = line.split(' ')
    if (what === 'open') {
      found = Number(number)
      setTimeout(() => child.kill('SIGKILL'), lifeMs)
    } else if (what === 'until') until = Number(number)
    else assert.fail(line)
    largest = Math.max(largest, sizeOf(path))
  }
  const [, signal] = (await exited) as [number | null, string | null]
  assert.equal(signal, 'SIGKILL', 'it lived until it was killed')
  return { found, until, largest }
}

/** All traces in [from, until) are there, each as it was added, those in `partial` with fewer spans. Answers how many spans. */
function assertThere(store: SpanStore, from: number, until: number, partial: ReadonlySet<number>, dice: Dice): number {
  let spans = 0
  for (let trace = from; trace < until; trace++) {
    const found = store.spans(traceIdOf(trace))
    spans += found.length
    if (partial.has(trace)) assert.ok(found.length > 0 && found.length < 4)
    else assert.equal(found.length, 4, `trace ${trace} of [${from}, ${until})`)
    if (dice.chance(0.02)) assert.deepEqual(found, filled(trace).slice(0, found.length))
  }
  return spans
}

describe(`a span store whose process is killed, with seed ${seed}`, () => {
  for (const { what, maxBytes, kills } of [
    { what: 'with room', maxBytes: 512 * 1024 ** 2, kills: scaled(25, 2) },
    { what: 'at its cap', maxBytes: 8 * 1024 ** 2, kills: scaled(25, 2) },
  ]) {
    it(`finds all that was acknowledged, ${what}`, async (t) => {
      const dice = diceOf(seededRandom(seed))
      const path = join(folder, `killed-${maxBytes}.db`)
      const partial = new Set<number>()
      let next = 0
      let least = 0
      let largest = 0
      for (let kill = 0; kill < kills; kill++) {
        const life = await live(path, maxBytes, next, dice)
        const store = openSpanStore({ path, maxBytes, onProblem: (problem) => assert.fail(problem) })
        const { traces, spans } = store.totals
        // What was under way when it was killed may be there in part: a call of `add` is several transactions.
        let stored = life.until
        while (store.spans(traceIdOf(stored)).length > 0) stored++
        if (stored > life.until && store.spans(traceIdOf(stored - 1)).length < 4) partial.add(stored - 1)
        least = stored - traces
        assert.ok(what === 'at its cap' || least === 0, `${traces} of ${stored} traces`)
        assert.equal(assertThere(store, least, stored, partial, dice), spans)
        if (what === 'at its cap' && stored > 5000)
          assert.ok(least > 0 && traces > 500, `${least} evicted, ${traces} kept`)
        store.close()
        largest = Math.max(largest, life.largest, sizeOf(path))
        next = stored
      }
      t.diagnostic(
        JSON.stringify({ kills, stored: next, partial: partial.size, kept: next - least, largest, maxBytes }),
      )
      assert.ok(largest <= maxBytes, `${largest} bytes`)
      assert.deepEqual(
        readdirSync(folder).filter((name) => name.includes('corrupt')),
        [],
      )
      assert.ok(next > 5 * kills)
    })
  }
})

const names = ['GET /orders/{id}', 'GET', 'SELECT', 'pay', 'Ünïcode 💥', '12', '100%_\\', '=x']
const services = ['orders', 'gateway', 'pay', '42', '__proto__']
const values: readonly SpanData['attributes'][string][] = [
  'a',
  'A b',
  '12',
  12,
  0.5,
  true,
  false,
  '{"n":12}',
  'x\\y',
  ['a', 'b'],
  [1, 2],
  'nul\0',
]

function randomTrace(dice: Dice, trace: number): SpanData[] {
  return Array.from({ length: dice.chance(0.4) ? 1 : 1 + dice.below(6) }, (_, id) => {
    const attributes = Object.fromEntries(
      Array.from({ length: dice.below(4) }, () => [dice.pick(['n', 'k', 'http.route', 'a b']), dice.pick(values)]),
    )
    const failed = dice.chance(0.2)
    const made = span({
      trace,
      id,
      parent: id === 0 ? undefined : dice.below(id),
      service: dice.pick(services),
      name: dice.pick(names),
      status: failed ? 'error' : 'unset',
      statusMessage: failed && dice.chance(0.5) ? 'Disk on fire' : '',
      attributes,
      events: dice.chance(0.2)
        ? [{ name: 'boom', timeMicros: 1, attributes: { zone: 'b' }, droppedAttributes: 0 }]
        : [],
    })
    const startMicros = made.startMicros + dice.below(1_000_000) + dice.below(4) / 4
    return { ...made, startMicros, durationNanos: dice.below(3) * 1_000_000 + dice.below(5000) }
  })
}

describe(`random questions, with seed ${seed}`, () => {
  it('are answered as a naive store in memory answers them', async (t) => {
    const rounds = scaled(60)
    const played = { rounds, questions: 0, answers: 0, pages: 0 }
    let heap = 0
    for (let round = 0; round < rounds; round++) {
      if (round === Math.floor(rounds / 5)) heap = await usedBytes()
      const dice = diceOf(seededRandom(seed + round))
      const store = openSpanStore()
      const naive = new NaiveStore()
      const all: SpanData[] = []
      for (let trace = 0; trace < 200; trace += 10) {
        const spans = Array.from({ length: 10 }, (_, n) => randomTrace(dice, trace + n)).flat()
        // Some come in parts, some twice.
        const late = spans.filter(() => dice.chance(0.1))
        const parts = [
          spans.filter((each) => !late.includes(each)),
          [...late, ...spans.filter(() => dice.chance(0.05))],
        ]
        for (const part of parts) assert.equal(store.add(part).stored, naive.add(part))
        all.push(...spans)
      }
      for (let n = 0; n < 50; n++) {
        const query = question(dice, all)
        const found: string[] = []
        for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
          const answer = await store.find({ ...query, cursor })
          assert.ok(answer.traces.length <= (query.limit ?? 50))
          for (const { traceId, spans } of answer.traces) {
            found.push(traceId)
            assert.equal(spans, naive.traces.get(traceId)?.spans.length)
          }
          cursor = answer.cursor
          played.pages++
        }
        assert.deepEqual(found, naive.find(query), `SWITCHGEAR_SEED=${seed + round} ${JSON.stringify(query)}`)
        played.questions++
        played.answers += found.length
      }
      store.close()
    }
    const grown = (await usedBytes()) - heap
    t.diagnostic(JSON.stringify({ ...played, grown }))
    assert.ok(played.answers > played.questions)
    assert.ok(grown < 8_000_000, `${grown} bytes`)
  })
})
