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

/** The library of this checkout has no such policy, or not with these options. */
export class Unbuildable extends Error {}

/** Where a measurement runs, and until when. */
export interface Place {
  /** Folder of the benchmark to run, when it is another one than this. */
  readonly bench?: string
  readonly signal?: AbortSignal
}

/** Measures one subject of the case `caseId`. Throws `Unbuildable` when it cannot even be made. */
export async function measure(
  caseId: string,
  { library, variant }: Pick<SubjectSpec, 'library' | 'variant'>,
  plan: Plan,
  { bench = import.meta.dirname, signal }: Place = {},
): Promise<Measurement> {
  const flags = ['--conditions=@switchgear/source', '--expose-gc', '--no-warnings']
  // Where allocation is counted nothing may be collected; everywhere else collecting is part of the price.
  const allocates = cases.find(({ id }) => id === caseId)?.measure === 'allocation'
  if (allocates) flags.push('--min-semi-space-size=128', '--max-semi-space-size=128')
  const task = JSON.stringify({ caseId, library, variant, plan })
  const heard = await output([...flags, join(bench, 'child.ts'), task], signal)
  const { unbuildable, ...measurement } = JSON.parse(heard) as Measurement & { readonly unbuildable?: string }
  if (unbuildable !== undefined) throw new Unbuildable(unbuildable)
  return measurement
}

async function output(args: readonly string[], signal: AbortSignal | undefined): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      timeout: deadlineMs,
      killSignal: 'SIGKILL',
      // Flags of a test runner or a profiler around us must not reach what is measured.
      env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '' },
      ...(signal === undefined ? {} : { signal }),
    })
    return stdout
  } catch (error) {
    const { killed, stderr } = error as { killed?: boolean; stderr?: string }
    if (signal?.aborted === true) throw error
    if (killed === true) throw new Error(`no result within ${deadlineMs / 1000} s`, { cause: error })
    // What the child says of itself is clearer than the command line that failed.
    throw stderr === undefined || stderr === '' ? error : new Error(stderr.trim(), { cause: error })
  }
}
