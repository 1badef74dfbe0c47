// The collector that is asked. Owns the request, its deadline, and what is said when nobody answers. Invariant: an answer is read
// up to a bound, and what a stranger on that port says is never taken for an answer.
import { failureCode, textOf } from '../answer.ts'
import { CommandError, UsageError } from '../failure.ts'

/** The store's own search ends after 2 s; a large trace takes a while to send. */
const patienceMs = 15_000
const maxAnswerBytes = 256 * 1024 ** 2
/** Answers of 1000 traces that are searched for the beginning of an id. */
const maxPages = 10

/** A collector's questions by HTTP. */
export class Source {
  readonly #url: URL

  /** `url` is that of the questions. Throws a `UsageError`. */
  constructor(url: string) {
    const parsed = URL.parse(url)
    if (parsed === null || !/^https?:$/.test(parsed.protocol))
      throw new UsageError(`--url must be http://…, got '${url}'`)
    this.#url = parsed
  }

  /** The answer to a question. */
  async ask<T>(path: string, parameters: URLSearchParams = new URLSearchParams()): Promise<T> {
    const url = new URL(path, this.#url)
    url.search = parameters.toString()
    const response = await this.#fetched(url)
    const text = await textOf(response, maxAnswerBytes)
    const answer = parsed(text)
    if (response.ok && answer?.version === 1) return answer as T
    const message = answer?.error?.message
    if (message === undefined)
      throw new CommandError(`${this.#url.origin} is no collector: it answers ${response.status}`)
    if (response.status === 400) throw new UsageError(message)
    throw new CommandError(message)
  }

  /** The whole id of the trace that begins so. Throws a `UsageError` where there is none, or several. */
  async idOf(beginning: string): Promise<string> {
    const wanted = beginning.toLowerCase()
    if (!/^[\da-f]{4,32}$/.test(wanted))
      throw new UsageError(`a trace is named by 4 to 32 hex digits, got '${beginning}'`)
    if (wanted.length === 32) return wanted
    const ids = new Set<string>()
    let cursor: string | undefined
    for (let page = 0; page < maxPages; page++) {
      const parameters = new URLSearchParams({ limit: '1000', ...(cursor === undefined ? {} : { cursor }) })
      const found = await this.ask<{ traces: readonly { traceId: string }[]; cursor?: string }>(
        '/api/traces',
        parameters,
      )
      for (const { traceId } of found.traces) if (traceId.startsWith(wanted)) ids.add(traceId)
      cursor = found.cursor
      if (cursor === undefined) break
    }
    const [id, ...others] = ids
    if (id === undefined) throw new UsageError(`no trace that is kept begins with ${beginning}`)
    if (others.length > 0) throw new UsageError(`${ids.size} traces begin with ${beginning}: ${[...ids].join(', ')}`)
    return id
  }

  async #fetched(url: URL): Promise<Response> {
    try {
      return await fetch(url, { signal: AbortSignal.timeout(patienceMs), redirect: 'error' })
    } catch (error) {
      if ((error as Error).name === 'TimeoutError')
        throw new CommandError(`${this.#url.origin} did not answer within ${patienceMs / 1000} s`)
      const code = failureCode(error)
      const why = code === '' ? '' : ` (${code})`
      throw new CommandError(
        `no collector answers at ${this.#url.origin}${why}: start \`switchgear collect\`, or say --url where its questions are answered`,
      )
    }
  }
}

interface Answer {
  readonly version?: unknown
  readonly error?: { readonly message?: string }
}

function parsed(text: string): Answer | undefined {
  try {
    return JSON.parse(text) as Answer
  } catch {
    // Somebody else's page.
    return undefined
  }
}
