// Requests to a Kubernetes API server: credentials, statuses and bounds. Token and certificates in files are read again for each
// request, so that their rotation needs nobody. Invariant: the token is sent to the server and to nobody else, messages included.
import { readFile } from 'node:fs/promises'
import type { Deadline } from '../polling/deadline.ts'
import { fields } from '../polling/json-parts.ts'
import { type Answer, boundedText, header, Origin } from '../polling/origin.ts'
import { excerpt, retryAfter, SourceError, type SourceErrorParts } from '../polling/source-error.ts'
import type { KubernetesSettings } from './options.ts'

/** Bytes of the body of an answer that is an error. */
const mostOfAnError = 64 * 1024

/**
 * An API server.
 *
 * @example
 * const answer = await api.get('/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices', new URLSearchParams({ limit: '100' }), deadline)
 */
export class ApiServer {
  readonly #settings: KubernetesSettings
  readonly #origin: Origin

  constructor(settings: KubernetesSettings) {
    this.#settings = settings
    this.#origin = new Origin({ url: settings.server, ca: settings.ca, connectMs: settings.timeoutMs })
  }

  /** An answer with status 200. Rejects with a `SourceError`, with the status where there was one. */
  async get(path: string, query: URLSearchParams, deadline: Deadline): Promise<Answer> {
    const { token: fixed, tokenFile, caFile } = this.#settings
    if (caFile !== undefined) this.#origin.trust(await this.#read(caFile, deadline.signal))
    const token = tokenFile === undefined ? fixed : (await this.#read(tokenFile, deadline.signal)).trim()
    if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) throw this.failure(`${tokenFile} holds no token`)
    let answer: Answer
    try {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
      answer = await this.#origin.get(`${path}?${query}`, headers, deadline)
    } catch (error) {
      throw this.broken(error)
    }
    if (answer.statusCode !== 200) throw await this.#refusal(answer, token)
    return answer
  }

  /** A page of a list, as JSON. */
  async json(path: string, query: URLSearchParams, deadline: Deadline): Promise<unknown> {
    const { maxAnswerBytes } = this.#settings
    const answer = await this.get(path, query, deadline)
    let text: string
    try {
      const tooLarge = (): Error => this.failure(`gave an answer of more than ${maxAnswerBytes} bytes`)
      text = await boundedText(answer.body, maxAnswerBytes, tooLarge)
    } catch (error) {
      throw this.broken(error)
    }
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw this.failure(`gave an answer that is no JSON: ${excerpt(text)}`, { cause })
    }
  }

  /** The connection did not come about, or broke. */
  broken(error: unknown): Error {
    if (error instanceof SourceError) return error
    const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error
    const said = first instanceof Error ? first.message || first.name : String(first)
    return this.failure(`cannot be reached: ${excerpt(said)}`, { cause: error })
  }

  failure(said: string, parts?: SourceErrorParts): SourceError {
    return new SourceError('SG_KUBERNETES_FAILED', `kubernetes: ${this.#settings.server.origin} ${said}`, parts)
  }

  async close(): Promise<void> {
    await this.#origin.close()
  }

  async #read(file: string, signal: AbortSignal): Promise<string> {
    try {
      return await readFile(file, { encoding: 'utf8', signal })
    } catch (error) {
      if (signal.aborted) throw this.broken(signal.reason)
      const { code = '' } = error as NodeJS.ErrnoException
      throw this.failure(`is not asked, because ${file} cannot be read (${code})`, { cause: error })
    }
  }

  async #refusal(answer: Answer, token: string | undefined): Promise<SourceError> {
    // Only an excerpt is shown; when even that does not come whole, the status still says what happened.
    const text = await boundedText(answer.body, mostOfAnError, () => new Error('too large')).catch(() => '')
    const { statusCode: status } = answer
    const said = `answered ${status}: ${excerpt(messageIn(text), token)}`
    if (status === 401 || status === 403) {
      const what = status === 401 ? 'the token is missing, wrong or has expired' : 'the account may not do this'
      const advice = `${what}; it needs list and watch on endpointslices of discovery.k8s.io in this namespace`
      const message = `kubernetes: ${this.#settings.server.origin} ${said}; ${advice}`
      return new SourceError('SG_KUBERNETES_REFUSED', message, { status })
    }
    const retryAfterMs = retryAfter(header(answer, 'retry-after'), this.#settings.clock.wallNow())
    return this.failure(said, { status, retryAfterMs })
  }
}

/** The message of a Status object, else the text itself. */
function messageIn(text: string): string {
  try {
    const { message } = fields(JSON.parse(text))
    return typeof message === 'string' ? message : text
  } catch {
    // Whatever stands before the server (a proxy, a load balancer) answers in words of its own.
    return text
  }
}
