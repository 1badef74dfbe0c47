// The registry that is asked what it knows. Owns the requests, their deadline, and what is said when nobody answers. Invariant: an
// answer is read up to a bound and checked before it is shown, and a token goes to the registry that it was given for only.
import type { CatalogInstance, CatalogView } from '@switchgear/discovery'
import { failureCode, textOf } from '../answer.ts'
import { CommandError, UsageError } from '../failure.ts'

/** What is known of a service. */
export type RegistryView = Pick<CatalogView, 'service' | 'complete'> & {
  readonly instances: readonly CatalogInstance[]
}

const patienceMs = 10_000
const maxAnswerBytes = 64 * 1024 ** 2
/** Views under way at the same time. */
const atOnce = 8

/** A registry by its URL. */
export class RegistrySource {
  readonly #url: URL
  readonly #token: string | undefined

  /** Throws a `UsageError` for what is no URL. */
  constructor(url: string, token: string | undefined) {
    const parsed = URL.parse(url)
    const isPlain =
      parsed !== null && /^https?:$/.test(parsed.protocol) && `${parsed.username}${parsed.password}` === ''
    if (!isPlain) throw new UsageError('--registry must be http://…, without a user')
    this.#url = parsed
    this.#token = token
  }

  get origin(): string {
    return this.#url.origin
  }

  /** The services of these names, or all, in the order of their names. `signal` ends the asking. */
  async views(names: readonly string[], signal?: AbortSignal): Promise<RegistryView[]> {
    const services = (names.length > 0 ? [...new Set(names)] : await this.#services(signal)).toSorted()
    const views: RegistryView[] = []
    for (let index = 0; index < services.length; index += atOnce) {
      const some = services.slice(index, index + atOnce)
      views.push(...(await Promise.all(some.map((name) => this.#view(name, signal)))))
    }
    return views
  }

  async #services(signal: AbortSignal | undefined): Promise<readonly string[]> {
    const { services } = await this.#ask('/v1/services', signal)
    if (!Array.isArray(services) || services.some((name) => typeof name !== 'string')) throw this.#stranger()
    return services as string[]
  }

  async #view(name: string, signal: AbortSignal | undefined): Promise<RegistryView> {
    const view = await this.#ask(`/v1/services/${encodeURIComponent(name)}`, signal)
    const { service, complete, instances } = view
    if (service !== name || typeof complete !== 'boolean' || !Array.isArray(instances)) throw this.#stranger()
    if (!instances.every(isInstance)) throw this.#stranger()
    return { service, complete, instances: instances.toSorted((a, b) => (a.endpoint.id < b.endpoint.id ? -1 : 1)) }
  }

  async #ask(path: string, signal: AbortSignal | undefined): Promise<Readonly<Record<string, unknown>>> {
    const url = new URL(this.#url.pathname.replace(/\/+$/, '') + path, this.#url)
    const response = await this.#fetched(url, signal)
    const answer = parsed(await textOf(response, maxAnswerBytes))
    if (response.ok && answer !== undefined) return answer
    const { code, detail } = answer ?? {}
    if (typeof code !== 'string' || typeof detail !== 'string') throw this.#stranger(response.status)
    const hint = code === 'SG_REGISTRY_DENIED' && this.#token === undefined ? ': give --token-file' : ''
    throw new CommandError(`${this.origin} refuses (${code}): ${detail}${hint}`)
  }

  async #fetched(url: URL, given: AbortSignal | undefined): Promise<Response> {
    const patience = AbortSignal.timeout(patienceMs)
    const signal = given === undefined ? patience : AbortSignal.any([given, patience])
    const headers = {
      accept: 'application/json',
      ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
    }
    try {
      return await fetch(url, { signal, headers, redirect: 'error' })
    } catch (error) {
      if (patience.aborted) throw new CommandError(`${this.origin} did not answer within ${patienceMs / 1000} s`)
      const code = failureCode(error)
      throw new CommandError(
        `no registry answers at ${this.origin}${code === '' ? '' : ` (${code})`}: start \`switchgear registry\`, or say --registry where it is`,
      )
    }
  }

  #stranger(status?: number): CommandError {
    const what = status === undefined ? 'its answer is none of a registry' : `it answers ${status}`
    return new CommandError(`${this.origin} is no registry: ${what}`)
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    // Somebody else's page.
    return undefined
  }
}

function isInstance(value: unknown): value is CatalogInstance {
  const { endpoint, health, since, reason } = (value ?? {}) as Partial<CatalogInstance>
  if (typeof endpoint !== 'object' || endpoint === null) return false
  const { id, address, port, weight, zone, version } = endpoint
  const texts = [id, address, health, reason ?? '', zone ?? '', version ?? '']
  return (
    texts.every((text) => typeof text === 'string') &&
    [port, weight, since].every((number) => typeof number === 'number')
  )
}
