// Runs one subject of one case in its own process and hears what it measured. Used by the benchmark and by the test that
// guards its ratios. Invariant: a child that hangs is ended, and what it said is in the error.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cases, type Plan, type SubjectSpec } from './cases.ts'

/** What a child measured; which fields there are depends on the case. */
export interface Measurement {
  readonly measured: number
  readonly min: number
  readonly max: number
  readonly ns?: number
  readonly bareNs?: number
  readonly bareBytes?: number
  readonly timers?: number
  readonly levels?: Readonly<Record<string, number>>
}

/** Far beyond the longest measurement, which takes about half a minute. */
const deadlineMs = 180_000

/** Measures one subject of the case `caseId`. */
export async function measure(
  caseId: string,
  { library, variant }: Pick<SubjectSpec, 'library' | 'variant'>,
  plan: Plan,
): Promise<Measurement> {
  const flags = ['--conditions=@switchgear/source', '--expose-gc', '--no-warnings']
  // Where allocation is counted nothing may be collected; everywhere else collecting is part of the price.
  const allocates = cases.find(({ id }) => id === caseId)?.measure === 'allocation'
  if (allocates) flags.push('--min-semi-space-size=512', '--max-semi-space-size=512')
  const task = JSON.stringify({ caseId, library, variant, plan })
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...flags, join(import.meta.dirname, 'child.ts'), task],
      // Flags of a test runner or a profiler around us must not reach what is measured.
      { timeout: deadlineMs, killSignal: 'SIGKILL', env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '' } },
    )
    return JSON.parse(stdout) as Measurement
  } catch (error) {
    const { killed, stderr } = error as { killed?: boolean; stderr?: string }
    if (killed === true) throw new Error(`no result within ${deadlineMs / 1000} s`, { cause: error })
    // What the child says of itself is clearer than the command line that failed.
    throw stderr === undefined || stderr === '' ? error : new Error(stderr.trim(), { cause: error })
  }
}
