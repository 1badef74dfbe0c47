// Options of the NATS source, checked.
import { type Clock, type Duration, type Random, systemClock, systemRandom } from '@switchgear/core'
import { check, checkCount, checkFunction, checkKeys, parseDuration } from '@switchgear/core/options'
import type { NodeConnectionOptions } from '@nats-io/transport-node'
import { type ProblemListener, warnOfProblem } from '../directory-errors.ts'

/** Options of `natsResolver`. */
export interface NatsResolverOptions {
  /** `'127.0.0.1:4222'`, or several; the next is used when one does not answer. */
  readonly servers: string | readonly string[]
  /** The KV bucket. It is not made here: while it is missing the source does not answer. */
  readonly bucket: string
  /** How we are known to NATS: `user` and `pass`, `token`, `tls`, `authenticator`, as its client takes them. */
  readonly credentials?: NatsCredentials | undefined
  /** For one question, and for a connection to come about. Default '5s'. */
  readonly timeout?: Duration | undefined
  /** How often what is held is compared with the bucket, which also notices keys that expired. Default '15s'. */
  readonly checkEvery?: Duration | undefined
  /** Keys of one service. Default 10 000. */
  readonly maxEndpoints?: number | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** Hears of values that are not endpoints. Default: a warning of the process. */
  readonly onProblem?: ProblemListener | undefined
}

/** The part of the client's options that is about who we are. */
export type NatsCredentials = Pick<
  NodeConnectionOptions,
  'user' | 'pass' | 'token' | 'tls' | 'authenticator' | 'inboxPrefix'
>

const optionNames = [
  'servers',
  'bucket',
  'credentials',
  'timeout',
  'checkEvery',
  'maxEndpoints',
  'clock',
  'random',
  'onProblem',
] as const satisfies readonly (keyof NatsResolverOptions)[]

/** The same, complete. */
export interface NatsSettings {
  readonly servers: readonly string[]
  readonly bucket: string
  readonly credentials: NatsCredentials
  readonly timeoutMs: number
  readonly checkMs: number
  readonly maxEndpoints: number
  readonly clock: Clock
  readonly random: Random
  readonly onProblem: ProblemListener
}

/** Checks and completes. Throws `SG_BAD_OPTIONS`. */
export function natsSettings(options: NatsResolverOptions): NatsSettings {
  checkKeys(options, optionNames, 'nats')
  const { servers, bucket, credentials = {} } = options
  const { clock = systemClock, random = systemRandom, onProblem = warnOfProblem } = options
  const list = typeof servers === 'string' ? [servers] : servers
  check(
    Array.isArray(list) && list.length > 0 && list.length <= 100,
    'nats.servers',
    'a list of 1 to 100 addresses',
    list,
  )
  list.forEach((server, index) => {
    // Not shown: whoever wrote a password into it meant no log.
    const isPlain = typeof server === 'string' && server !== '' && !server.includes('@')
    check(isPlain, `nats.servers[${index}]`, "an address like '127.0.0.1:4222', without user", undefined)
  })
  check(typeof bucket === 'string' && /^[-\w]{1,128}$/.test(bucket), 'nats.bucket', 'letters, digits, - and _', bucket)
  checkKeys(credentials, ['user', 'pass', 'token', 'tls', 'authenticator', 'inboxPrefix'], 'nats.credentials')
  checkFunction(onProblem, 'nats.onProblem')
  return {
    servers: [...list],
    bucket,
    credentials,
    timeoutMs: parseDuration(options.timeout ?? '5s', 'nats.timeout', 10),
    checkMs: parseDuration(options.checkEvery ?? '15s', 'nats.checkEvery', 10),
    maxEndpoints: checkCount(options.maxEndpoints ?? 10_000, 'nats.maxEndpoints', 1, 1_000_000),
    clock,
    random,
    onProblem,
  }
}
