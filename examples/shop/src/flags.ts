// The words after `npm start --`. Owns their defaults and their help; a wrong one is a FlagError that names it.
import { parseArgs } from 'node:util'
import { parseDuration } from '@switchgear/core'
import type { Timeline } from './story.ts'

/** A flag is wrong. `message` is meant to be shown as it is. */
export class FlagError extends Error {}

export interface Flags {
  readonly help: boolean
  /** Play the story once and end with a verdict. */
  readonly once: boolean
  /** The report as JSON on stdout, everything else on stderr. */
  readonly json: boolean
  /** The gateway's port; undefined takes the one of the config. */
  readonly port: number | undefined
  readonly seed: number
  readonly perSecond: number
  /** Undefined: the shop's own switchgear.yaml. */
  readonly config: string | undefined
  /** File for the requests that services of the protected shop failed. */
  readonly log: string | undefined
  readonly timeline: Timeline
}

export const helpText: string = `npm start -- [flags]       a shop whose payment service dies, and a twin without protection

  --once                   play the story once, print what was measured, exit 0 if the shop survived
  --json                   like --once, with the report as JSON on stdout;
                           npm's own lines stay away with: npm start --silent --
  --port <number>          port of the gateway (default: as in the config; 0: any free port)
  --seed <number>          seed of the load (default 7)
  --rate <number>          requests a second to each shop, 1 to 500 (default 40)
  --config <path>          another switchgear.yaml, to see how other policies do
  --log <path>             add a line of JSON to this file for each request that a service of the
                           protected shop failed, with the ids of its trace and span
  --calm <duration>        time until payments hang (default 10s)
  --outage <duration>      time until they are healed (default 15s)
  --recovery <duration>    time until the verdict (default 10s)

exit code: 0 survived, 1 did not survive, 2 wrong flag or config, 3 could not start`

const options = {
  help: { type: 'boolean', short: 'h', default: false },
  once: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  port: { type: 'string' },
  seed: { type: 'string', default: '7' },
  rate: { type: 'string', default: '40' },
  config: { type: 'string' },
  log: { type: 'string' },
  calm: { type: 'string', default: '10s' },
  outage: { type: 'string', default: '15s' },
  recovery: { type: 'string', default: '10s' },
} as const

/** Reads the flags. Throws a FlagError. */
export function parseFlags(words: readonly string[]): Flags {
  const values = read(words)
  return {
    help: values.help,
    once: values.once || values.json,
    json: values.json,
    port: values.port === undefined ? undefined : whole('port', values.port, 0, 65_535),
    seed: whole('seed', values.seed, 0, 2 ** 32 - 1),
    perSecond: whole('rate', values.rate, 1, 500),
    config: values.config,
    log: values.log,
    timeline: {
      calmMs: duration('calm', values.calm),
      outageMs: duration('outage', values.outage),
      recoveryMs: duration('recovery', values.recovery),
    },
  }
}

function read(words: readonly string[]): ReturnType<typeof parseArgs<{ options: typeof options }>>['values'] {
  try {
    return parseArgs({ args: [...words], options, strict: true }).values
  } catch (error) {
    // Node's message goes on to explain positional arguments, of which there are none here.
    throw new FlagError((error as Error).message.split('. ', 1)[0])
  }
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new FlagError(`--${name} must be a whole number from ${least} to ${most}, got '${text}'`)
}

function duration(name: string, text: string): number {
  try {
    return parseDuration(text, `--${name}`)
  } catch (error) {
    throw new FlagError((error as Error).message)
  }
}
