import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Exposition } from '../../src/metrics/exposition.ts'
import { MetricRegistry } from '../../src/metrics/registry.ts'
import { metricData } from '../../src/metrics/otlp-points.ts'

/** Milliseconds this thread has worked; older versions of Node only know of all threads of the process. */
function workedMs(): number {
  const { user, system } = (process.threadCpuUsage ?? process.cpuUsage)()
  return (user + system) / 1000
}

interface Pauses {
  /** Longest time in which no turn of the event loop began. */
  readonly wallMs: number
  /** The same in time of the processor: what other programs take is not counted. */
  readonly workMs: number
}

async function longestPause(work: () => Promise<unknown>): Promise<Pauses> {
  const longest = { wallMs: 0, workMs: 0 }
  let before = performance.now()
  let workedBefore = workedMs()
  let running = true
  const turn = (): void => {
    const [now, worked] = [performance.now(), workedMs()]
    longest.wallMs = Math.max(longest.wallMs, now - before)
    longest.workMs = Math.max(longest.workMs, worked - workedBefore)
    before = now
    workedBefore = worked
    if (running) setImmediate(turn)
  }
  setImmediate(turn)
  await work()
  running = false
  turn()
  return longest
}

/** The quickest of some rounds: the compiler and the garbage collector have their say in the others. */
async function quickest(work: () => Promise<unknown>, tell: (message: string) => void): Promise<number> {
  const rounds: Pauses[] = []
  for (let round = 0; round < 6; round++) rounds.push(await longestPause(work))
  tell(rounds.map(({ wallMs, workMs }) => `${wallMs.toFixed(1)} ms (${workMs.toFixed(1)} worked)`).join(', '))
  return Math.min(...rounds.map(({ workMs }) => workMs))
}

const registry = new MetricRegistry({ maxSeries: 100_000 })
const counters = registry.counter('calls_total', 'Calls.', ['service', 'route', 'outcome'])
for (let index = 0; index < 65_000; index++) counters.with(`service-${index % 100}`, `/route/${index}`, 'success').add()
const histograms = registry.histogram('call_seconds', 'Calls.', ['service', 'route'], { unit: 'seconds' })
const timed = Array.from({ length: 2100 }, (_, index) => histograms.with(`service-${index % 100}`, `/route/${index}`))
for (const histogram of timed) histogram.observe(0.02)

describe('100 000 series', () => {
  for (const format of ['text', 'openmetrics'] as const) {
    it(`are written without holding up the event loop: ${format}`, async (t) => {
      const exposition = new Exposition(registry, { also: [] })
      let lines = 0
      const scrape = async (): Promise<void> => {
        lines = 0
        for await (const slice of exposition.expose(format)) lines += Buffer.from(slice).filter((b) => b === 10).length
      }
      const pauseMs = await quickest(scrape, (message) => t.diagnostic(message))
      assert.ok(lines > 100_000, `${lines} lines`)
      assert.ok(pauseMs <= 15, `${pauseMs} ms`)
    })
  }

  it('are handed to OTLP without holding up the event loop', async (t) => {
    let points = 0
    const collect = async (): Promise<void> => {
      points = (await metricData(registry)).reduce((count, metric) => count + metric.points.length, 0)
    }
    const pauseMs = await quickest(collect, (message) => t.diagnostic(message))
    assert.ok(points > 67_000, `${points} points`)
    // The points are kept until they are sent, so the garbage collector has more to do.
    assert.ok(pauseMs <= 25, `${pauseMs} ms`)
  })

  it('stay consistent each, although they are observed during the scrape', async () => {
    let scraping = true
    let observed = 0
    const observe = (): void => {
      for (const histogram of timed) histogram.observe(0.5)
      observed++
      if (scraping) setImmediate(observe)
    }
    observe()
    const text = await new Exposition(registry, { also: [] }).text()
    scraping = false
    assert.ok(observed > 1, `observed ${observed} times`)
    let checked = 0
    let bucket = 0
    let sum = 0
    for (const line of text.split('\n')) {
      if (!line.startsWith('call_seconds')) continue
      const number = Number(line.slice(line.lastIndexOf(' ') + 1))
      if (line.startsWith('call_seconds_bucket{le="+Inf"')) bucket = number
      else if (line.startsWith('call_seconds_sum')) sum = number
      else if (line.startsWith('call_seconds_count')) {
        checked++
        assert.equal(bucket, number)
        assert.ok(Math.abs(sum - (0.02 + 0.5 * (number - 1))) < 1e-6, line)
      }
    }
    assert.equal(checked, timed.length)
  })
})
