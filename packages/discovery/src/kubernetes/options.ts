// The options of the Kubernetes resolver: their defaults and bounds.
import { type Clock, type Duration, OptionsError, type Random, systemClock, systemRandom } from '@switchgear/core'
import { check, checkCount, checkKeys, checkMethods, parseDuration } from '@switchgear/core/options'

/** The name of a port of a Service, or the number its pods listen on (the target port). */
export type PortChoice = string | number

/** Where a service is found in the cluster; what is left out is as for all. */
export interface ServicePlace {
  /** Name of the Service. Default: the first part of the service's own name. */
  readonly service?: string | undefined
  readonly namespace?: string | undefined
  readonly port?: PortChoice | undefined
}

/** How the API server is asked. `...inCluster()` gives the first ones to a pod. */
export interface KubernetesOptions {
  /** Such as `https://10.0.0.1:443`, or `http://127.0.0.1:8001` of `kubectl proxy`. */
  readonly server: string
  /** Of services that do not say theirs. A service is asked for as `payments` or as `payments.shop`, which says it. */
  readonly namespace: string
  /** A bearer token, or a file that holds one; the file is read again for every request, because tokens rotate. */
  readonly token?: string | undefined
  readonly tokenFile?: string | undefined
  /** Certificates to trust instead of the system's, as PEM, or a file that holds them, read again likewise. */
  readonly ca?: string | undefined
  readonly caFile?: string | undefined
  /** By the service's name as it is watched. */
  readonly services?: Readonly<Record<string, ServicePlace>> | undefined
  /** Of services that do not say theirs. Default: the only port there is, else the one named `http`, else `https`. */
  readonly port?: PortChoice | undefined
  /** How long one watch lasts before the server ends it, '10s' to '1h'; chance takes up to half. Default '4m'. */
  readonly watchFor?: Duration | undefined
  /** To connect, to answer, and beyond the time that a watch lasts. Default '10s'. */
  readonly timeout?: Duration | undefined
  /** Watches that end at once are begun again once in this time. Default '5s'. */
  readonly atMostEvery?: Duration | undefined
  /** Events that come within this time are told together. Default '100ms'. */
  readonly gatherFor?: Duration | undefined
  /** EndpointSlices in one page of a list, of up to 1000 endpoints each. Default 100. */
  readonly pageSize?: number | undefined
  /** Largest page in bytes. Default 16 MiB. One event may have a quarter of it. */
  readonly maxAnswerBytes?: number | undefined
  /** EndpointSlices of one service. Default 1000. */
  readonly maxSlices?: number | undefined
  /**
   * Hears of slices without the wanted port and of endpoints that are none: once for each service until all was sound again. Must
   * not throw.
   */
  readonly onProblem?: ((message: string) => void) | undefined
  /** Default: the host's. */
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

/** Options as they are used. */
export interface KubernetesSettings {
  readonly server: URL
  readonly namespace: string
  readonly token: string | undefined
  readonly tokenFile: string | undefined
  readonly ca: string | undefined
  readonly caFile: string | undefined
  readonly services: Readonly<Record<string, ServicePlace>>
  readonly port: PortChoice | undefined
  readonly watchForMs: number
  readonly timeoutMs: number
  readonly everyMs: number
  readonly gatherForMs: number
  readonly pageSize: number
  readonly maxAnswerBytes: number
  readonly maxSlices: number
  readonly onProblem: ((message: string) => void) | undefined
  readonly clock: Clock
  readonly random: Random
}

const known: readonly (keyof KubernetesOptions)[] = [
  'server',
  'namespace',
  'token',
  'tokenFile',
  'ca',
  'caFile',
  'services',
  'port',
  'watchFor',
  'timeout',
  'atMostEvery',
  'gatherFor',
  'pageSize',
  'maxAnswerBytes',
  'maxSlices',
  'onProblem',
  'clock',
  'random',
]
const knownOfPlace: readonly (keyof ServicePlace)[] = ['service', 'namespace', 'port']
/** A label of DNS (RFC 1123), which names of Services and namespaces are. */
export const dnsLabel: RegExp = /^[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?$/

/** Checks the options. Throws `SG_BAD_OPTIONS`. */
export function kubernetesSettings(options: KubernetesOptions): KubernetesSettings {
  checkKeys(options, known, 'kubernetes')
  const { namespace, services = {}, port, onProblem, clock, random } = options
  check(dnsLabel.test(namespace), 'kubernetes.namespace', 'the name of a namespace', namespace)
  checkPort(port, 'kubernetes.port')
  for (const [service, place] of Object.entries(services)) checkPlace(place, `kubernetes.services.${service}`)
  check(onProblem === undefined || typeof onProblem === 'function', 'kubernetes.onProblem', 'a function', onProblem)
  if (clock !== undefined) checkMethods(clock, ['now', 'wallNow', 'setTimer'], 'kubernetes.clock')
  const watchForMs = parseDuration(options.watchFor ?? '4m', 'kubernetes.watchFor', 10_000)
  check(watchForMs <= 3_600_000, 'kubernetes.watchFor', "at most '1h'", options.watchFor)
  return {
    server: checkedServer(options.server),
    namespace,
    ...secrets(options),
    services,
    port,
    watchForMs,
    timeoutMs: parseDuration(options.timeout ?? '10s', 'kubernetes.timeout', 1),
    everyMs: parseDuration(options.atMostEvery ?? '5s', 'kubernetes.atMostEvery', 1),
    gatherForMs: parseDuration(options.gatherFor ?? '100ms', 'kubernetes.gatherFor'),
    pageSize: checkCount(options.pageSize ?? 100, 'kubernetes.pageSize', 1, 1000),
    maxAnswerBytes: checkCount(options.maxAnswerBytes ?? 16 * 1024 * 1024, 'kubernetes.maxAnswerBytes', 4096),
    maxSlices: checkCount(options.maxSlices ?? 1000, 'kubernetes.maxSlices', 1),
    onProblem,
    clock: clock ?? systemClock,
    random: random ?? systemRandom,
  }
}

function secrets({
  token,
  tokenFile,
  ca,
  caFile,
}: KubernetesOptions): Pick<KubernetesSettings, 'token' | 'tokenFile' | 'ca' | 'caFile'> {
  // None of the values is shown: a token may have been given as a file and the other way round.
  for (const [name, value] of Object.entries({ token, tokenFile, ca, caFile }))
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw new OptionsError(`kubernetes.${name} must be a text that is not empty`)
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new OptionsError('kubernetes.token must be printable without spaces')
  if (token !== undefined && tokenFile !== undefined)
    throw new OptionsError('kubernetes: give token or tokenFile, not both')
  if (ca !== undefined && caFile !== undefined) throw new OptionsError('kubernetes: give ca or caFile, not both')
  return { token, tokenFile, ca, caFile }
}

function checkPlace(place: ServicePlace, path: string): void {
  checkKeys(place, knownOfPlace, path)
  const { service, namespace } = place
  check(service === undefined || dnsLabel.test(service), `${path}.service`, 'the name of a Service', service)
  check(namespace === undefined || dnsLabel.test(namespace), `${path}.namespace`, 'the name of a namespace', namespace)
  checkPort(place.port, `${path}.port`)
}

function checkPort(port: PortChoice | undefined, path: string): void {
  const sound =
    port === undefined ||
    (typeof port === 'string' ? dnsLabel.test(port) : Number.isInteger(port) && port >= 1 && port <= 65_535)
  check(sound, path, 'the name of a port or a whole number in [1, 65535]', port)
}

function checkedServer(server: unknown): URL {
  const url = typeof server === 'string' && URL.canParse(server) ? new URL(server) : undefined
  const sound =
    url !== undefined &&
    (url.protocol === 'https:' || url.protocol === 'http:') &&
    url.username === '' &&
    url.password === '' &&
    url.search === '' &&
    url.hash === ''
  if (!sound) throw new OptionsError('kubernetes.server must be an http or https URL without user, query and fragment')
  return url
}
