// `--against <ref>`: measures this work tree against a git ref, case by case on the same machine in the same minutes. The
// rounds of a case alternate between the two, each in a process of its own. Only our own subjects run; what a ref cannot
// build (it lacks the policy or an option) is new. Interrupted, it ends its child and removes the copies first.
import { cases, type Plan } from './cases.ts'
import { type Change, changeOf, changesAsText, decided, type Round } from './change.ts'
import { type Checkouts, checkouts } from './checkouts.ts'
import { type Context, machineLine } from './report.ts'
import { measure, Unbuildable } from './run.ts'

/** What the command line asks for. */
export interface AgainstOptions {
  readonly ref: string
  readonly plan: Plan
  readonly json: boolean
  readonly context: Context
  /** Whether a case with these names is wanted. */
  selected(...names: string[]): boolean
}

type Job = Pick<Change, 'caseId' | 'title' | 'label' | 'unit'> & { readonly variant: string }

/** Measures, prints, and answers the exit code: 1 when something is slower or could not be measured, 128 + n after a signal. */
export async function against({ ref, plan, json, context, selected }: AgainstOptions): Promise<number> {
  const jobs = cases.flatMap(({ id: caseId, title, unit, subjects }): Job[] =>
    subjects
      .filter(({ library, label }) => library === 'switchgear' && selected(caseId, title, label))
      .map(({ label, variant }) => ({ caseId, title, label, unit, variant })),
  )
  if (jobs.length === 0) {
    process.stderr.write('bench:core: none of these cases has a subject of ours; bundles are not compared\n')
    return 1
  }
  const ended = new AbortController()
  let code = 0
  const end = (signal: NodeJS.Signals): void => {
    code = signal === 'SIGINT' ? 130 : 143
    ended.abort()
  }
  const changes: Change[] = []
  process.on('SIGINT', end).on('SIGTERM', end)
  let both: Checkouts | undefined
  try {
    both = await checkouts(ref, ended.signal)
    for (const [index, job] of jobs.entries()) {
      if (ended.signal.aborted) break
      process.stderr.write(`[${index + 1}/${jobs.length}] ${job.title}: ${job.label}\n`)
      try {
        changes.push(await compared(job, both, plan, ended.signal))
      } catch (error) {
        if (ended.signal.aborted) break
        code = 1
        process.stderr.write(`bench:core: could not be measured: ${messageOf(error)}\n`)
      }
    }
  } catch (error) {
    if (!ended.signal.aborted) {
      code = 1
      process.stderr.write(`bench:core: ${messageOf(error)}\n`)
    }
  } finally {
    await both?.remove()
    process.off('SIGINT', end).off('SIGTERM', end)
  }
  if (ended.signal.aborted || both === undefined) return code
  const { commit } = both
  const report = { context, against: { ref, commit }, rows: changes }
  const text = `${machineLine(context)}\n\n${changesAsText(changes, ref)}`
  process.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : text)
  return changes.some(({ verdict }) => verdict === 'worse') ? 1 : code
}

async function compared(
  { variant, ...head }: Job,
  { tree, ref }: Checkouts,
  plan: Plan,
  signal: AbortSignal,
): Promise<Change> {
  const rounds: Round[] = []
  const one = async (bench: string): Promise<number> => {
    const { measured } = await measure(head.caseId, { library: 'switchgear', variant }, plan, { bench, signal })
    return measured
  }
  while (!decided(rounds, head.unit)) {
    // The order changes with every round, so that a machine that becomes slower or faster meanwhile favours neither.
    const first = rounds.length % 2 === 0 ? await one(tree) : undefined
    try {
      const other = await one(ref)
      rounds.push({ ref: other, tree: first ?? (await one(tree)) })
    } catch (error) {
      if (!(error instanceof Unbuildable) || first === undefined) throw error
      return { ...head, verdict: 'new', tree: first, rounds: 1, reason: error.message }
    }
  }
  return changeOf(head, rounds)
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
