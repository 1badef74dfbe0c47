// Two ways to call in this very process, block by block in turn: steadier on a busy machine than processes of their own, and quicker to
// start, but each finds an engine that the other has warmed. For a guard, not for the page.
import type { Helper } from '../../telemetry/messages.ts'
import { open } from '../processes.ts'
import type { Caller, SubjectTask } from './work.ts'

/** How much of it. */
export interface SidePlan {
  readonly pairs: number
  /** Calls of a block. */
  readonly calls: number
  readonly warmCalls: number
}

type Make = (task: SubjectTask) => Caller | Promise<Caller>

/** CPU of `subject` as multiples of that of `bare`, pair by pair; GET, one endpoint in a process of its own. */
export async function sideBySide(subject: Make, bare: Make, plan: SidePlan): Promise<number[]> {
  const helpers: Helper[] = []
  try {
    const { ready } = await open<{ ports: number[] }>(helpers, 'cost/origin.ts', { endpoints: 1 })
    const task: SubjectTask = { method: 'GET', ports: ready.ports }
    const callers = { subject: await subject(task), bare: await bare(task) }
    await callers.bare.drive(plan.warmCalls)
    await callers.subject.drive(plan.warmCalls)
    const ratios: number[] = []
    for (let pair = 0; pair < plan.pairs; pair++) {
      const reference = await spent(callers.bare, plan.calls)
      ratios.push((await spent(callers.subject, plan.calls)) / reference)
    }
    callers.subject.prove?.(plan.warmCalls + plan.pairs * plan.calls)
    await Promise.all([callers.subject.close?.(), callers.bare.close?.()])
    return ratios
  } finally {
    for (const helper of helpers) helper.stop()
  }
}

async function spent(caller: Caller, calls: number): Promise<number> {
  const { user, system } = process.cpuUsage()
  await caller.drive(calls)
  const used = process.cpuUsage()
  return used.user - user + used.system - system
}
