// A caller under an open load, in a process of its own: calls come at times of chance, the same for all that are compared, and a slow
// answer delays none of them. Latency counts from the time a call was due, so that a busy caller hides nothing.
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '@switchgear/core/testing'
import { quantile } from '../statistics.ts'
import { argument, say } from '../child.ts'
import type { CallerTask, Heard, Offer } from './messages.ts'
import { ways } from './ways.ts'

const task = argument<CallerTask>()
const call = ways[task.way]?.make(task)
if (call === undefined) throw new Error(`there is no way '${task.way}'`)

process.on('message', (offer: Offer) => {
  load(offer).then(say, (error: unknown) => {
    process.stderr.write(`${task.way}: ${String(error)}\n`)
    process.exit(1)
  })
})
say({})

async function load({ perSecond, warmMs, measureMs }: Offer): Promise<Heard> {
  const random = seededRandom(task.seed)
  const answered: number[] = []
  const failures: Record<string, number> = {}
  const late: number[] = []
  let longest = 0
  const under: Promise<void>[] = []
  const begun = performance.now()
  const place = async (due: number): Promise<void> => {
    const measured = due >= begun + warmMs
    if (measured) late.push(performance.now() - due)
    const key = `customer-${Math.floor(random() * 1000)}`
    try {
      await call?.(measured ? '/measured' : '/warm', key)
      if (measured) answered.push(performance.now() - due)
    } catch (error) {
      if (measured) failures[codeOf(error)] = (failures[codeOf(error)] ?? 0) + 1
    }
    if (measured) longest = Math.max(longest, performance.now() - due)
  }
  for (let due = begun; due < begun + warmMs + measureMs; due -= (1000 / perSecond) * Math.log(1 - random())) {
    // Who is late already does not wait for a timer.
    const early = due - performance.now()
    if (early > 0) await sleep(early)
    under.push(place(due))
  }
  await Promise.all(under)
  const calls = answered.length + Object.values(failures).reduce((sum, count) => sum + count, 0)
  const [p50, p99, late99] = [quantile(answered, 0.5), quantile(answered, 0.99), quantile(late, 0.99)]
  return { calls, failures, p50, p99, longest, late99 }
}

function codeOf(error: unknown): string {
  const { code, cause, name } = error as { code?: unknown; cause?: { code?: unknown }; name?: string }
  return String(code ?? cause?.code ?? name)
}
