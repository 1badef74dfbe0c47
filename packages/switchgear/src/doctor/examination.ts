// A command is started, looked at for a while, stopped, and what its telemetry has said of itself is read. Owns the folder that it
// says it in. Invariant: whatever happens, the command is stopped and the folder is removed.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Diagnosis, diagnosisVariable } from '@switchgear/telemetry'
import { type Ended, ProcessGroup } from './process-group.ts'
import { type Requested, requested } from './requests.ts'

/** What to do. */
export interface ExaminationPlan {
  readonly command: string
  readonly args: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  readonly forMs: number
  readonly urls: readonly string[]
  /** Ends the time early. */
  readonly signal: AbortSignal
}

/** What was seen. */
export interface Examination {
  /** Why it could not be started; undefined when it was. */
  readonly startFailure: string | undefined
  /** How it ended before it was stopped; undefined when it did not. */
  readonly ended: Ended | undefined
  readonly ranMs: number
  /** Whether it had to be killed. */
  readonly killed: boolean
  readonly lastLines: readonly string[]
  readonly requests: readonly Requested[]
  /** One for each process and thread in which telemetry was started. */
  readonly diagnoses: readonly Diagnosis[]
  /** Those that this version does not understand. */
  readonly foreign: number
}

/** Two exports and two looks of the telemetry at itself after the last request. */
const settleMs = 2500
/** Processes of one command that are read. */
const mostDiagnoses = 64

/** Examines a command. */
export async function examine(plan: ExaminationPlan): Promise<Examination> {
  const folder = await mkdtemp(join(tmpdir(), 'switchgear-doctor-'))
  try {
    return await examineIn(folder, plan)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function examineIn(folder: string, plan: ExaminationPlan): Promise<Examination> {
  const { command, args, environment, forMs, urls, signal } = plan
  const startedAt = performance.now()
  const group = new ProcessGroup(command, args, { ...environment, [diagnosisVariable]: folder })
  const over = new AbortController()
  const until = AbortSignal.any([signal, over.signal, AbortSignal.timeout(forMs)])
  const requesting = Promise.all(urls.map((url) => requested(url, until)))
  let startFailure: string | undefined
  let ended: Ended | undefined
  let killed = false
  try {
    const time = urls.length === 0 ? sleep(forMs, undefined, { signal: until }) : settled(requesting, until)
    // The end of the time is no failure of the sleep.
    ended = await Promise.race([group.ended, time.then(nothing, nothing)])
  } catch (error) {
    startFailure = (error as NodeJS.ErrnoException).code ?? String(error)
  } finally {
    over.abort()
    killed = await group.stop()
  }
  const ranMs = performance.now() - startedAt
  const requests = await requesting
  const written = await diagnosesIn(folder)
  const diagnoses = written.filter(({ version }) => version === 1)
  const foreign = written.length - diagnoses.length
  return { startFailure, ended, ranMs, killed, lastLines: group.lastLines, requests, diagnoses, foreign }
}

const nothing = (): undefined => undefined

async function settled(requesting: Promise<unknown>, signal: AbortSignal): Promise<void> {
  await requesting
  await sleep(settleMs, undefined, { signal })
}

async function diagnosesIn(folder: string): Promise<Diagnosis[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).slice(0, mostDiagnoses)
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return texts.map((text) => JSON.parse(text) as Diagnosis)
}
