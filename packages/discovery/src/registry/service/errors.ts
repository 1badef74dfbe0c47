// What the registry's service and those who speak to it can fail with. Codes of the books themselves stand beside the books.
// Invariant: no message ever holds a token or a secret, because messages end up in logs and in answers.
import { type ErrorEntry, SwitchgearError } from '@switchgear/core'

/** What is documented of the codes of the registry's service, its registrations and its resolver. */
export const registryServiceErrors: readonly ErrorEntry[] = [
  {
    code: 'SG_REGISTRY_REQUEST',
    title: 'The registry does not understand the request.',
    advice:
      'The path, the method, the content type, the size or the time of a body is not what the registry takes; the message says which. ' +
      'A request that was made by our own client points to a proxy in between, or to a registry of another version.',
  },
  {
    code: 'SG_REGISTRY_DENIED',
    title: 'The token is missing, unknown, or not for this service.',
    advice:
      'Registering needs a token that names the service, sent as `Authorization: Bearer <token>`. Reading needs one too wherever the ' +
      "registry does not listen on loopback only. Look at the registry's `tokens`, `readTokens` and `read`.",
  },
  {
    code: 'SG_REGISTRY_HOST',
    title: 'The registry was addressed by a name that it does not serve, or by a web page from elsewhere.',
    advice:
      'Only loopback names, the address that was connected to and the names in `hosts` are served, so that no web page can reach the ' +
      'registry through a name of its own. Add the name that your services use to `hosts`.',
  },
  {
    code: 'SG_ADDRESS_REFUSED',
    title: 'An instance cannot be registered at this address.',
    advice:
      "An instance is registered at the address it connects from. Another one must lie in the registry's `addresses`; host names, " +
      'link-local, metadata, multicast, broadcast, unspecified and translated addresses are refused always, because the registry ' +
      'and every caller would connect to them.',
  },
  {
    code: 'SG_REGISTRY_BUSY',
    title: 'The registry takes no more of these now.',
    advice:
      'Too many failed attempts came from this address, too many watches are open, or the registry is ending. Come again after ' +
      'the time in Retry-After.',
  },
  {
    code: 'SG_REGISTRY_UNREACHABLE',
    title: 'No registry answers.',
    advice:
      'The cause says what happened to the last one that was tried. Nothing is lost: endpoints that are known stay in use, and ' +
      'registrations and watches go on by themselves when a registry answers.',
  },
  {
    code: 'SG_REGISTRY_ANSWER',
    title: 'The registry answered something that makes no sense.',
    advice:
      'Something else listens at this URL, a proxy changes what the registry says, or it is of a later version. The message says ' +
      'what was expected.',
  },
  {
    code: 'SG_HEALTH_FAILED',
    title: 'The health function of a registration threw, or did not answer in time.',
    advice:
      'The instance counts as not ready until the function answers again. The cause is what it threw; it should answer true or false.',
  },
  {
    code: 'SG_TOKEN_FILE',
    title: 'A token file cannot be used.',
    advice:
      'It must be a regular file of this user that nobody else can read (mode 0600) and hold one token. A file that others could read ' +
      'has given its token away: remove it, and a new one is made at the next start.',
  },
]

/** What a service is called: it stands in URLs, host names and files. */
export const serviceName: RegExp = /^[0-9A-Za-z_](?:[0-9A-Za-z_.-]{0,252})$/

/** A request that the registry answers with an error. It is built for the answer, and holds nothing that was secret. */
export class ServiceRefusal extends SwitchgearError {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(code, message)
    this.status = status
    this.headers = headers
  }
}

/** 4xx: the request itself is wrong. */
export const badRequest = (
  status: number,
  message: string,
  headers?: Readonly<Record<string, string>>,
): ServiceRefusal => new ServiceRefusal(status, 'SG_REGISTRY_REQUEST', message, headers)

/** 429 or 503, with the whole seconds after which to come again. */
export function busy(status: number, message: string, retryAfterMs: number): ServiceRefusal {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000))
  return new ServiceRefusal(status, 'SG_REGISTRY_BUSY', message, { 'retry-after': String(seconds) })
}

/** Where problems of the background go that nobody asked for: visible, and without ending the process. */
export function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(String(error)))
}
