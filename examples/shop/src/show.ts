// The two ways to watch: once, to a verdict; or open-ended, where the story plays by itself until somebody presses a key
// and takes over. Both print a line of status every two seconds.
import type { Config } from '@switchgear/config'
import type { Flags } from './flags.ts'
import { hasKeys, listenKeys } from './keys.ts'
import type { FaultMode } from './messages.ts'
import type { Quit } from './quit.ts'
import { reportOn, type Report } from './report.ts'
import type { Screen } from './screen.ts'
import { serviceNames, type ServiceName } from './shop.ts'
import type { Stage } from './stage.ts'
import { playStory } from './story.ts'
import type { TraceReport } from './tracing.ts'

/** What a show needs. */
export interface Show {
  readonly stage: Stage
  readonly screen: Screen
  readonly flags: Flags
  readonly config: Config
  readonly quit: Quit
}

const statusEveryMs = 2000
const keyHelp = `Keys: b break, s slow, f fail, h heal, t latest trace with an error, q quit. They act on payments; 1-4 choose ${serviceNames.join(', ')}.`
const faultKeys: Readonly<Record<string, FaultMode>> = { b: 'hang', s: 'slow', f: 'fail', h: 'none' }

/** Plays the story to its end; undefined when it was interrupted. */
export async function playOnce(show: Show): Promise<Report | undefined> {
  const stopStatus = begin(show)
  try {
    return await playToReport(show, show.quit.signal, async () => {
      await show.stage.finish()
      stopStatus()
      return await show.stage.closeShops()
    })
  } finally {
    stopStatus()
  }
}

/** Plays the story unless somebody takes over, and keeps the shop open until it is told to quit. */
export async function keepOpen(show: Show): Promise<void> {
  const { stage, screen, quit } = show
  /** Aborted once nothing happens by itself any more. */
  const takeOver = new AbortController()
  const gateway = stage.processes.find(({ name }) => name === 'gateway')
  const [collector] = stage.tracing.processes
  if (gateway !== undefined) screen.hints(gateway.origin, collector?.questions)
  const stopStatus = begin(show)
  if (hasKeys(process.stdin)) screen.say(`${keyHelp}\n`)
  const stopKeys = hasKeys(process.stdin) ? listenKeys(process.stdin, keyboard(show, takeOver)) : () => {}
  try {
    const report = await playToReport(show, AbortSignal.any([quit.signal, takeOver.signal]), async () => undefined)
    if (report !== undefined) {
      takeOver.abort()
      screen.report(report)
      screen.say(`\nThe shop stays open. ${hasKeys(process.stdin) ? keyHelp : 'Ctrl-C closes it.'}\n`)
    }
    await quit.wait()
    stopStatus()
    screen.say('\nClosing the shop.')
    screen.traces(await stage.closeShops())
  } finally {
    stopKeys()
    stopStatus()
  }
}

/** Lets the customers in and begins to print the status; the answer stops that. */
function begin({ stage, screen, flags: { timeline, perSecond } }: Show): () => void {
  const [calm, outage] = [timeline.calmMs / 1000, timeline.outageMs / 1000]
  screen.say(
    `${perSecond} requests a second go to each shop. Payments hang after ${calm} s and are healed ${outage} s later.`,
  )
  screen.say('Every 2 s: requests a second, share served, latency, requests in flight.\n')
  screen.zeroAt = performance.now()
  stage.begin()
  const status = (): void => screen.status(stage.protected.window(), stage.unprotected.window(), statusEveryMs / 1000)
  const timer = setInterval(status, statusEveryMs)
  return () => clearInterval(timer)
}

/** The report of the whole story; undefined when `signal` cut it short. */
async function playToReport(
  show: Show,
  signal: AbortSignal,
  finish: () => Promise<TraceReport | undefined>,
): Promise<Report | undefined> {
  const { stage, screen, config, flags } = show
  try {
    const outage = await playStory(stage, flags.timeline, signal)
    const processes = stage.processes
    const traces = await finish()
    return reportOn({
      seed: flags.seed,
      perSecond: flags.perSecond,
      begunAt: screen.zeroAt,
      outage,
      payments: config.services['payments'],
      journal: stage.journal,
      protected: stage.protected,
      unprotected: stage.unprotected,
      processes,
      traces,
    })
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  }
}

/** One key at a time; the first that changes something ends the automatic story. */
function keyboard({ stage, screen, quit }: Show, takeOver: AbortController): (key: string) => void {
  let chosen: ServiceName = 'payments'
  return (key) => {
    if (key === 'q') return quit.now('asked')
    if (key === 't') return void showTrace(stage, screen)
    const service = serviceNames[Number(key) - 1]
    if (service !== undefined) {
      chosen = service
      return screen.say(`keys now act on ${chosen}`)
    }
    const mode = faultKeys[key]
    if (mode === undefined) return
    if (!takeOver.signal.aborted) screen.say('You have taken over: nothing breaks or heals by itself any more.')
    takeOver.abort()
    stage.fault(chosen, mode)
  }
}

async function showTrace({ tracing }: Stage, screen: Screen): Promise<void> {
  try {
    screen.trace(await tracing.latestError())
  } catch (error) {
    // The collector was lost, or the shop is closing: a look at the screen must not end the show.
    screen.error(`no trace can be shown now: ${(error as Error).message}`)
  }
}
