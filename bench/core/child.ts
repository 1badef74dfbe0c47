// One subject of one case, measured in a process of its own: nothing another subject did to the engine (optimised code,
// inline caches, heap) is there. Receives the case, the subject and the plan as JSON in its first argument and prints
// what it measured as JSON. It proves first that the library really guards the call.
import { cases, type Plan } from './cases.ts'
import { compare } from './cpu.ts'
import { allocation, retained } from './heap.ts'
import type { Guard, Library } from './subject.ts'
import { traffic } from './traffic.ts'
import { answer, bare, workload } from './workload.ts'

/** What a child is asked for. */
export interface Task {
  readonly caseId: string
  readonly library: string
  readonly variant: string
  readonly plan: Plan
}

const task = JSON.parse(process.argv[2] ?? '') as Task
const measure = cases.find(({ id }) => id === task.caseId)?.measure
try {
  process.stdout.write(JSON.stringify(await result()))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
// Some peers leave timers that would keep the process alive.
process.exit()

async function result(): Promise<object> {
  const { library } = (await import(`./subjects/${task.library}.ts`)) as { library: Library }
  if (measure === 'retained') return retained(pick(library.idle), task.plan)
  const build = pick(library.guards)
  if (measure === 'traffic') return traffic(build, task.plan)
  const guard = build()
  await proveClosed(guard)
  if (measure === 'allocation') return allocation(guard.run, bare.run, task.plan)
  if (measure === 'refusal') return refusals(guard)
  const ratio = await compare(guard.run, bare.run, task.plan, ({ calls, reached }) => {
    assert(reached === calls, 'every call reaches the function')
  })
  assert(guard.state() === 'closed', 'the breaker is closed after the measurement')
  return ratio
}

async function refusals(guard: Guard): Promise<object> {
  workload.failing = true
  for (let tries = 0; tries < 1000 && guard.state() !== 'open'; tries++) await guard.attempt(1)
  workload.failing = false
  assert(guard.state() === 'open', 'failures opened the breaker')
  const called = workload.calls
  assert((await guard.attempt(10)) === 10 && workload.calls === called, 'an open breaker refuses')
  const ratio = await compare(guard.attempt, bare.run, task.plan, ({ calls, answered, reached }) => {
    assert(answered === calls && reached === 0, 'every call is refused')
  })
  assert(guard.state() === 'open', 'the breaker is open after the measurement')
  return ratio
}

async function proveClosed(guard: Guard): Promise<void> {
  assert(guard.state() === 'closed', 'a new breaker is closed')
  assert((await guard.once()) === answer, 'the answer of the function comes through')
  const called = workload.calls
  await guard.run(10)
  assert(workload.calls === called + 10, 'every call reaches the function')
  assert(guard.state() === 'closed', 'successes leave the breaker closed')
}

function pick<T>(variants: Readonly<Record<string, T>>): T {
  const found = variants[task.variant]
  if (found === undefined) throw new Error(`${task.library} has no '${task.variant}' for ${task.caseId}`)
  return found
}

function assert(holds: boolean, what: string): void {
  if (!holds) throw new Error(`${task.caseId}, ${task.library}/${task.variant}: expected that ${what}`)
}
