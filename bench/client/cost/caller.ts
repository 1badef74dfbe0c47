// One way to call, in a process of its own, so that nothing another one did to the engine is there. Whenever it is asked it makes a
// block of calls and says what they cost it.
import { argument, say } from '../child.ts'
import type { Block, CallerTask, Spent } from './messages.ts'
import { inFlight, type Subjects } from './work.ts'

const task = argument<CallerTask>()
const { subjects } = (await import(`./subjects/${task.module}.ts`)) as { subjects: Subjects }
const caller = await subjects[task.variant]?.(task)
if (caller === undefined) throw new Error(`${task.module} has no '${task.variant}'`)

let total = 0

process.on('message', ({ calls }: Block) => {
  block(calls).then(say, (error: unknown) => {
    process.stderr.write(`${task.module}/${task.variant}: ${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(1)
  })
})
say({})

async function block(calls: number): Promise<Spent> {
  // Connections that have ended while others were measured are made again before the clocks are read.
  const prelude = 3 * inFlight
  await caller?.drive(prelude)
  const { user, system } = process.cpuUsage()
  const begun = performance.now()
  await caller?.drive(calls)
  const wallMs = performance.now() - begun
  const used = process.cpuUsage()
  const made = prelude + calls
  total += made
  caller?.prove?.(total)
  return { cpuMicros: used.user - user + used.system - system, wallMs, made }
}
