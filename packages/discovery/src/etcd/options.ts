// Options of the etcd source, checked. The keys of a service are those under the prefix with its name in it; what follows is the id.
import { type Clock, type Duration, type Random, systemClock, systemRandom } from '@switchgear/core'
import { check, checkCount, checkFunction, checkKeys, parseDuration } from '@switchgear/core/options'
import { type ProblemListener, warnOfProblem } from '../directory-errors.ts'

/** Options of `etcdResolver`. */
export interface EtcdResolverOptions {
  /** Members of the cluster: `'http://127.0.0.1:2379'`, or several. The next is used when one does not answer. */
  readonly urls: string | readonly string[]
  /** What the keys of a service begin with. Default `'/switchgear/{service}/'`. Something must follow the name, or `pay` had the keys of `payments`. */
  readonly prefix?: string | undefined
  /** Where etcd wants a user; `password` then too. */
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Certificates to trust instead of the system's, as PEM. */
  readonly ca?: string | undefined
  /** Our own certificate and its key, where etcd wants one. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** For one question. Default '5s'. */
  readonly timeout?: Duration | undefined
  /** How often a silent watch is compared with what etcd holds. Default '15s'. */
  readonly checkEvery?: Duration | undefined
  /** Keys of one service. Default 10 000. */
  readonly maxEndpoints?: number | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** Hears of values that are not endpoints. Default: a warning of the process. */
  readonly onProblem?: ProblemListener | undefined
}

const optionNames = [
  'urls',
  'prefix',
  'username',
  'password',
  'ca',
  'cert',
  'key',
  'timeout',
  'checkEvery',
  'maxEndpoints',
  'clock',
  'random',
  'onProblem',
] as const satisfies readonly (keyof EtcdResolverOptions)[]

/** Who we are to etcd. */
export interface EtcdUser {
  readonly name: string
  readonly password: string
}

/** The same, complete. */
export interface EtcdSettings {
  readonly urls: readonly URL[]
  readonly prefix: string
  readonly user: EtcdUser | undefined
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  readonly timeoutMs: number
  readonly checkMs: number
  readonly maxEndpoints: number
  readonly clock: Clock
  readonly random: Random
  readonly onProblem: ProblemListener
}

/** Checks and completes. Throws `SG_BAD_OPTIONS`. */
export function etcdSettings(options: EtcdResolverOptions): EtcdSettings {
  checkKeys(options, optionNames, 'etcd')
  const { urls, prefix = '/switchgear/{service}/', username, password, ca, cert, key } = options
  const { clock = systemClock, random = systemRandom, onProblem = warnOfProblem } = options
  const list = typeof urls === 'string' ? [urls] : urls
  check(Array.isArray(list) && list.length > 0 && list.length <= 100, 'etcd.urls', 'a list of 1 to 100 URLs', list)
  check(
    typeof prefix === 'string' && /^[^{}]*\{service\}[^{}]+$/.test(prefix),
    'etcd.prefix',
    "like '/shop/{service}/'",
    prefix,
  )
  check(
    (username === undefined) === (password === undefined),
    'etcd.password',
    'there when username is, and only then',
    undefined,
  )
  checkFunction(onProblem, 'etcd.onProblem')
  return {
    urls: list.map((url, index) => urlOf(url, `etcd.urls[${index}]`)),
    prefix,
    user: username === undefined || password === undefined ? undefined : { name: username, password },
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
    timeoutMs: parseDuration(options.timeout ?? '5s', 'etcd.timeout', 10),
    checkMs: parseDuration(options.checkEvery ?? '15s', 'etcd.checkEvery', 10),
    maxEndpoints: checkCount(options.maxEndpoints ?? 10_000, 'etcd.maxEndpoints', 1, 1_000_000),
    clock,
    random,
    onProblem,
  }
}

function urlOf(text: string, path: string): URL {
  const url = typeof text === 'string' ? URL.parse(text) : null
  const isPlain =
    url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.username === '' && url.password === ''
  // Not shown: whoever wrote a password into it meant no log.
  check(
    isPlain && url.search === '' && url.hash === '',
    path,
    "a URL like 'http://127.0.0.1:2379', without path or user",
    undefined,
  )
  return url as URL
}
