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
  const build = pick<() => object>(measure === 'retained' ? library.idle : library.guards)
  try {
    build()
  } catch (error) {
    // Another version of the library may not have it. That is an answer too.
    return { unbuildable: error instanceof Error ? error.message : String(error) }
  }
  return measure === 'retained' ? retained(build, task.plan) : guarded(build as () => Guard)
}

async function guarded(build: () => Guard): Promise<object> {
  if (measure === 'traffic') return traffic(build, task.plan)
  const guard = build()
  const reaching = guard.remembersAnswers === true ? 0 : 1
  await proveClosed(guard, reaching)
  await guard.prepare?.()
  if (measure === 'allocation') return allocation(guard.run, bare.run, task.plan)
  if (measure === 'refusal') return refusals(guard)
  const ratio = await compare(guard.run, bare.run, task.plan, ({ calls, reached }) => {
    assert(reached === calls * reaching, `${reaching === 0 ? 'no' : 'every'} call reaches the function`)
  })
  assert(isClosed(guard), 'the breaker is closed after the measurement')
  return ratio
}

async function refusals(guard: Guard): Promise<object> {
  await (guard.refuse === undefined ? open(guard) : guard.refuse())
  const called = workload.calls
  assert((await guard.attempt(10)) === 10 && workload.calls === called, 'it refuses')
  const ratio = await compare(guard.attempt, bare.run, task.plan, ({ calls, answered, reached }) => {
    assert(answered === calls && reached === 0, 'every call is refused')
  })
  assert(guard.refuse !== undefined || guard.state?.() === 'open', 'the breaker is open after the measurement')
  return ratio
}

async function open(guard: Guard): Promise<void> {
  workload.failing = true
  for (let tries = 0; tries < 1000 && guard.state?.() !== 'open'; tries++) await guard.attempt(1)
  workload.failing = false
  assert(guard.state?.() === 'open', 'failures opened the breaker')
}

/** `reaching` is how many calls of the function one call makes: none where the answer is remembered. */
async function proveClosed(guard: Guard, reaching: number): Promise<void> {
  assert(isClosed(guard), 'a new breaker is closed')
  assert((await guard.once()) === answer, 'the answer of the function comes through')
  const called = workload.calls
  await guard.run(10)
  assert(workload.calls === called + 10 * reaching, `${reaching === 0 ? 'no' : 'every'} call reaches the function`)
  assert(isClosed(guard), 'successes leave the breaker closed')
}

function isClosed({ state }: Guard): boolean {
  return state === undefined || state() === 'closed'
}

function pick<T>(variants: Readonly<Record<string, T>>): T {
  const found = variants[task.variant]
  if (found === undefined) throw new Error(`${task.library} has no '${task.variant}' for ${task.caseId}`)
  return found
}

function assert(holds: boolean, what: string): void {
  if (!holds) throw new Error(`${task.caseId}, ${task.library}/${task.variant}: expected that ${what}`)
}
