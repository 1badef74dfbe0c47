// The options of the Consul resolver: their defaults and bounds.
import { type Clock, type Duration, OptionsError, type Random, systemClock, systemRandom } from '@switchgear/core'
import { check, checkCount, checkKeys, checkMethods, parseDuration } from '@switchgear/core/options'

/** How Consul is asked. */
export interface ConsulOptions {
  /** Of an agent or a server, such as `http://127.0.0.1:8500`; a path in it stands before `/v1`. */
  readonly url: string
  /** An ACL token with service:read and node:read, sent as `X-Consul-Token`. */
  readonly token?: string | undefined
  /** The agent's own when left out. */
  readonly datacenter?: string | undefined
  /** Only instances that have all of these tags. */
  readonly tag?: string | readonly string[] | undefined
  /** Of Consul Enterprise. */
  readonly namespace?: string | undefined
  /**
   * Lets Consul leave out whatever does not pass all of its checks. Default false: such instances are told as unready, which is
   * better, because one that is left out looks like one that Consul has lost.
   */
  readonly passingOnly?: boolean | undefined
  /** Lets any server answer and not only the leader. Default false. */
  readonly stale?: boolean | undefined
  /** An answer of a server that has not heard from the leader for longer does not count as complete. Default '5s'. */
  readonly maxStale?: Duration | undefined
  /** How long Consul keeps a question when nothing changes, '1s' to '10m'. Default '5m'. */
  readonly wait?: Duration | undefined
  /** To connect, to answer a question that is not kept, and beyond the time that a question is kept. Default '10s'. */
  readonly timeout?: Duration | undefined
  /** Answers that follow each other faster than Consul should give them are asked for once in this time. Default '5s'. */
  readonly atMostEvery?: Duration | undefined
  /**
   * After Consul's index went back (it was restarted or restored) no answer counts as complete for this time, in which agents
   * register their services again. Default '2m'.
   */
  readonly settleFor?: Duration | undefined
  /** Certificates to trust instead of the system's, as PEM. */
  readonly ca?: string | undefined
  /** Largest answer in bytes. Default 16 MiB, some 15 000 instances. */
  readonly maxAnswerBytes?: number | undefined
  /**
   * Hears of entries that Consul has and that are no endpoint (no port, an address that is none): once for each service until
   * all of its entries were sound again. Must not throw.
   */
  readonly onProblem?: ((message: string) => void) | undefined
  /** Default: the host's. */
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

/** Options as they are used. */
export interface ConsulSettings {
  readonly url: URL
  readonly token: string | undefined
  /** What every question says besides its index, as it stands in a query. */
  readonly query: readonly (readonly [string, string])[]
  readonly maxStaleMs: number
  readonly waitMs: number
  readonly timeoutMs: number
  readonly everyMs: number
  readonly settleForMs: number
  readonly ca: string | undefined
  readonly maxAnswerBytes: number
  readonly onProblem: ((message: string) => void) | undefined
  readonly clock: Clock
  readonly random: Random
}

const known: readonly (keyof ConsulOptions)[] = [
  'url',
  'token',
  'datacenter',
  'tag',
  'namespace',
  'passingOnly',
  'stale',
  'maxStale',
  'wait',
  'timeout',
  'atMostEvery',
  'settleFor',
  'ca',
  'maxAnswerBytes',
  'onProblem',
  'clock',
  'random',
]

/** Checks the options. Throws `SG_BAD_OPTIONS`. */
export function consulSettings(options: ConsulOptions): ConsulSettings {
  checkKeys(options, known, 'consul')
  const { url, token, ca, onProblem, maxAnswerBytes = 16 * 1024 * 1024, clock, random } = options
  checkText(token, 'consul.token')
  // A line break would end the header; the token itself must not be part of the message.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new OptionsError('consul.token must be printable without spaces')
  checkText(ca, 'consul.ca')
  check(onProblem === undefined || typeof onProblem === 'function', 'consul.onProblem', 'a function', onProblem)
  if (clock !== undefined) checkMethods(clock, ['now', 'wallNow', 'setTimer'], 'consul.clock')
  const waitMs = parseDuration(options.wait ?? '5m', 'consul.wait', 1000)
  check(waitMs <= 600_000, 'consul.wait', "at most '10m', which is Consul's own bound", options.wait)
  return {
    url: checkedUrl(url),
    token,
    query: queryOf(options),
    maxStaleMs: parseDuration(options.maxStale ?? '5s', 'consul.maxStale'),
    waitMs,
    timeoutMs: parseDuration(options.timeout ?? '10s', 'consul.timeout', 1),
    everyMs: parseDuration(options.atMostEvery ?? '5s', 'consul.atMostEvery', 1),
    settleForMs: parseDuration(options.settleFor ?? '2m', 'consul.settleFor'),
    ca,
    maxAnswerBytes: checkCount(maxAnswerBytes, 'consul.maxAnswerBytes', 1024),
    onProblem,
    clock: clock ?? systemClock,
    random: random ?? systemRandom,
  }
}

function queryOf(options: ConsulOptions): readonly (readonly [string, string])[] {
  const { datacenter, tag = [], namespace, passingOnly = false, stale = false } = options
  checkText(datacenter, 'consul.datacenter')
  checkText(namespace, 'consul.namespace')
  const tags = typeof tag === 'string' ? [tag] : tag
  check(Array.isArray(tags), 'consul.tag', 'a text or a list of texts', tag)
  for (const one of tags) checkText(one, 'consul.tag')
  check(typeof passingOnly === 'boolean', 'consul.passingOnly', 'true or false', passingOnly)
  check(typeof stale === 'boolean', 'consul.stale', 'true or false', stale)
  const query: [string, string][] = []
  if (datacenter !== undefined) query.push(['dc', datacenter])
  if (namespace !== undefined) query.push(['ns', namespace])
  for (const one of tags) query.push(['tag', one])
  if (passingOnly) query.push(['passing', 'true'])
  if (stale) query.push(['stale', 'true'])
  return query
}

function checkText(value: unknown, path: string): void {
  // The value is not shown: it may be a secret of the wrong type.
  if (value !== undefined && (typeof value !== 'string' || value === ''))
    throw new OptionsError(`${path} must be a text that is not empty`)
}

function checkedUrl(url: unknown): URL {
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined
  const sound =
    parsed !== undefined &&
    (parsed.protocol === 'http:' || parsed.protocol === 'https:') &&
    parsed.username === '' &&
    parsed.password === '' &&
    parsed.search === '' &&
    parsed.hash === ''
  // Not shown either: what is wrong with it may be that it has a password.
  if (!sound) throw new OptionsError('consul.url must be an http or https URL without user, query and fragment')
  return parsed
}
