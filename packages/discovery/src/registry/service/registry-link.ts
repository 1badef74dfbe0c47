// The way to the registries: their URLs, one of which is used until it fails, and short requests with bounds in time and size.
// Invariant: tokens and secrets are in a header and nowhere else, and no redirect takes them elsewhere. It shows up in no trace.
import { SwitchgearError } from '@switchgear/core'
import { check } from '@switchgear/core/options'
import { quietly } from '@switchgear/core/observe'
import { Agent, buildConnector } from 'undici'
import { senseless } from './wire.ts'

/** An answer that arrived. */
export interface Reply {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** A short request. */
export interface Question {
  readonly method: 'PUT' | 'POST' | 'DELETE'
  /** Below the registry's URL, encoded, beginning with a slash. */
  readonly path: string
  /** The token, or the secret. */
  readonly credential: string
  readonly body?: object | undefined
  readonly timeoutMs: number
}

const largestReply = 64 * 1024
/** The registry is not well, or a proxy before it: another one may be. */
const elsewhere: ReadonlySet<number> = new Set([429, 500, 502, 503, 504])

/**
 * The URLs of registries in the order in which they are tried; the one that works stays.
 *
 * @example
 * new RegistryUrls('http://127.0.0.1:4330', 'register.registry').current.origin // 'http://127.0.0.1:4330'
 */
export class RegistryUrls {
  readonly #urls: readonly URL[]
  #current = 0

  /** Throws `SG_BAD_OPTIONS`. */
  constructor(urls: string | readonly string[], path: string) {
    const list = typeof urls === 'string' ? [urls] : urls
    check(Array.isArray(list) && list.length > 0, path, 'the URL of a registry, or a list of them', urls)
    this.#urls = list.map((url, index) => checkedUrl(url, `${path}[${index}]`))
  }

  /** The same list, from its beginning. */
  fresh(): RegistryUrls {
    return new RegistryUrls(
      this.#urls.map((url) => url.href),
      'urls',
    )
  }

  get count(): number {
    return this.#urls.length
  }

  /** Without a slash at its end. */
  get current(): { readonly origin: string; readonly prefix: string } {
    const url = this.#urls[this.#current] as URL
    return { origin: url.origin, prefix: url.pathname.replace(/\/+$/, '') }
  }

  /** Turns to the next one. */
  advance(): void {
    this.#current = (this.#current + 1) % this.#urls.length
  }
}

/**
 * Asks registries, one after the other until one answers.
 *
 * @example
 * const { status } = await link.ask({ method: 'POST', path, credential: secret, body: { ready: true }, timeoutMs: 3000 })
 */
export class RegistryLink {
  readonly #urls: RegistryUrls
  readonly #agent: Agent = new Agent({ allowH2: false, pipelining: 1, connections: 2, maxResponseSize: largestReply })

  constructor(urls: RegistryUrls) {
    this.#urls = urls
  }

  /**
   * The first answer of a registry that is well, whatever it says. Throws `SG_REGISTRY_UNREACHABLE` with the cause when none is,
   * and `SG_REGISTRY_ANSWER`. Each is given `timeoutMs`.
   */
  async ask(question: Question): Promise<Reply> {
    let failure: unknown
    for (let left = this.#urls.count; left > 0; left--) {
      try {
        const reply = await this.#send(question)
        if (!elsewhere.has(reply.status)) return reply
        failure = refusalOf(reply)
      } catch (error) {
        failure = error
      }
      this.#urls.advance()
    }
    throw unreachable(failure)
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }

  async #send({ method, path, credential, body, timeoutMs }: Question): Promise<Reply> {
    const { origin, prefix } = this.#urls.current
    const signal = AbortSignal.timeout(timeoutMs)
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const response = await quietly(() =>
      this.#agent.request({
        origin,
        path: prefix + path,
        method,
        headers: { authorization: `Bearer ${credential}`, accept: 'application/json', ...type },
        body: body === undefined ? null : JSON.stringify(body),
        signal,
      }),
    )
    const text = await response.body.text()
    return { status: response.statusCode, body: recordOf(text, response.statusCode) }
  }
}

/** The registry's refusal as an error: with its own code where it gave one of ours. */
export function refusalOf({ status, body }: Reply): SwitchgearError {
  const { code, detail } = body
  const known = typeof code === 'string' && /^SG_[A-Z_]{1,60}$/.test(code)
  const words = typeof detail === 'string' ? detail.slice(0, 500) : 'without a reason that we understand'
  return new SwitchgearError(known ? code : 'SG_REGISTRY_ANSWER', `the registry answers ${status}: ${words}`)
}

/** No registry answers. */
export function unreachable(cause: unknown): SwitchgearError {
  const words =
    cause instanceof Error ? cause.message || ((cause as { code?: string }).code ?? cause.name) : String(cause)
  return new SwitchgearError('SG_REGISTRY_UNREACHABLE', `no registry answers: ${words}`, { cause })
}

/** An agent for streams, whose connections do not keep the process alive: a watch is no reason to go on living. */
export function streamAgent(connectTimeoutMs: number): Agent {
  const connect = buildConnector({ timeout: connectTimeoutMs, allowH2: false })
  return new Agent({
    allowH2: false,
    pipelining: 1,
    connect: (options, callback) =>
      connect(options, (...result) => {
        result[1]?.unref()
        callback(...result)
      }),
  })
}

function recordOf(text: string, status: number): Readonly<Record<string, unknown>> {
  if (text === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // A page of a proxy, mostly: its status says more than its text.
  }
  if (status >= 200 && status < 300) throw senseless('a JSON object')
  return {}
}

function checkedUrl(text: string, path: string): URL {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined
  const isPlain = url !== undefined && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === ''
  // The text is not shown when it holds a password.
  const shown = url !== undefined && url.username + url.password !== '' ? 'one with a user in it' : text
  check(isPlain && url.username === '' && url.password === '', path, "a URL like 'http://registry:4330'", shown)
  return url as URL
}
