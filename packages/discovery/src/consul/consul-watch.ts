// The watch of one service in Consul: asks, reads, and decides whether an answer is complete. It owns its poll and the index.
import { boundedText, header, type Answer, type Origin } from '../polling/origin.ts'
import { Deadline } from '../polling/deadline.ts'
import { News } from '../polling/news.ts'
import { Poll, untilAborted } from '../polling/poll.ts'
import { excerpt, retryAfter, SourceError } from '../polling/source-error.ts'
import type { Watcher, Watching } from '../resolver.ts'
import { BlockingIndex } from './blocking-index.ts'
import { readInstances } from './instance.ts'
import type { ConsulSettings } from './options.ts'

/** Answers in a row that may come early before the asking slows down. */
const burst = 3
/** How soon an answer that was not complete is checked again, although nothing changed. */
const recheckMs = 10_000
/** Bytes of the body of an answer that is an error. */
const mostOfAnError = 16 * 1024

/** One watch. Made by `consulResolver`; `ended` is called once when it is closed. */
export class ConsulWatch implements Watching {
  readonly #service: string
  readonly #origin: Origin
  readonly #settings: ConsulSettings
  readonly #ended: () => void
  readonly #news: News
  readonly #poll: Poll
  readonly #index = new BlockingIndex()
  /** Until then Consul counts as just restarted (monotonic). */
  #settledAt = -Infinity
  #complete = true
  #toldOfProblem = false
  #closed = false

  constructor(service: string, watcher: Watcher, origin: Origin, settings: ConsulSettings, ended: () => void) {
    const { clock, random, everyMs } = settings
    this.#service = service
    this.#origin = origin
    this.#settings = settings
    this.#ended = ended
    this.#news = new News(watcher)
    this.#poll = new Poll(
      (signal) => this.#ask(signal),
      (error) => this.#failed(error),
      { clock, random, burst, everyMs, retryMs: 500, retryMaxMs: 30_000 },
    )
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#news.close()
    this.#poll.close()
    this.#ended()
  }

  #failed(error: Error): void {
    // Whatever failed may have been a restart, after which an old index would be waited with for long.
    this.#index.doubt()
    this.#news.failed(error)
  }

  async #ask(signal: AbortSignal): Promise<void> {
    // Names that no path can hold are none that Consul could have; a path with dots would be another question.
    if (/^\.{0,2}$/.test(this.#service)) {
      this.#news.found({ endpoints: [], complete: true })
      return untilAborted(signal)
    }
    const { clock, timeoutMs } = this.#settings
    const keptMs = this.#index.asked === undefined ? 0 : this.#waitMs()
    // Consul adds up to a sixteenth, so that those who wait do not all wake at once.
    const allowedMs = keptMs + keptMs / 16 + timeoutMs
    const deadline = new Deadline(clock, signal, allowedMs, () =>
      this.#failure(`did not answer within ${Math.round(allowedMs)} ms`),
    )
    try {
      const answer = await this.#request(keptMs, deadline)
      if (answer.statusCode !== 200) throw await this.#refusal(answer)
      this.#learn(answer, await this.#entries(answer))
    } finally {
      deadline.end()
    }
  }

  /** How long Consul is to keep the question; short while the last answer was not complete, to hear when the next one is. */
  #waitMs(): number {
    const { waitMs } = this.#settings
    return this.#complete ? waitMs : Math.min(waitMs, recheckMs)
  }

  async #request(keptMs: number, deadline: Deadline): Promise<Answer> {
    const { query, token } = this.#settings
    const search = new URLSearchParams(query as [string, string][])
    const index = this.#index.asked
    if (index !== undefined) {
      search.set('index', index)
      search.set('wait', `${Math.round(keptMs)}ms`)
    }
    const text = search.size === 0 ? '' : `?${search}`
    const path = `/v1/health/service/${encodeURIComponent(this.#service)}${text}`
    try {
      return await this.#origin.get(path, token === undefined ? {} : { 'x-consul-token': token }, deadline)
    } catch (error) {
      throw this.#unreachable(error)
    }
  }

  async #entries(answer: Answer): Promise<readonly unknown[]> {
    const { maxAnswerBytes } = this.#settings
    const tooLarge = (): Error => this.#failure(`gave an answer of more than ${maxAnswerBytes} bytes`)
    let text: string
    try {
      text = await boundedText(answer.body, maxAnswerBytes, tooLarge)
    } catch (error) {
      throw this.#unreachable(error)
    }
    let entries: unknown
    try {
      entries = JSON.parse(text)
    } catch (error) {
      throw this.#failure(`gave an answer that is no JSON: ${excerpt(text, this.#settings.token)}`, { cause: error })
    }
    // An empty list of Go is null in JSON, which some versions gave.
    if (entries === null) return []
    if (!Array.isArray(entries)) throw this.#failure('gave an answer that is no list of instances')
    return entries
  }

  #learn(answer: Answer, entries: readonly unknown[]): void {
    const { clock, settleForMs, maxStaleMs } = this.#settings
    const step = this.#index.learn(header(answer, 'x-consul-index'))
    if (step === 'back') this.#settledAt = clock.now() + settleForMs
    const filtered = header(answer, 'x-consul-results-filtered-by-acls') === 'true'
    if (filtered && entries.length === 0) throw this.#forbidden('shows nothing of it to this token')
    const readings = readInstances(entries, this.#service)
    const endpoints = readings.flatMap((reading) => ('endpoint' in reading ? [reading.endpoint] : []))
    const problems = readings.flatMap((reading) => ('problem' in reading ? [reading.problem] : []))
    this.#tellOf(problems)
    const [problem] = problems
    // It has instances, none of which can be used: that is no news of an empty service.
    if (endpoints.length === 0 && problem !== undefined)
      throw this.#failure(`has no usable entry: ${messageOf(problem.cause)}`, { cause: problem.cause })
    this.#complete =
      !filtered &&
      header(answer, 'x-consul-knownleader') !== 'false' &&
      !(Number(header(answer, 'x-consul-lastcontact')) > maxStaleMs) &&
      clock.now() >= this.#settledAt
    this.#news.found({ endpoints, complete: this.#complete })
  }

  #tellOf(problems: readonly Error[]): void {
    const [first] = problems
    if (first === undefined) this.#toldOfProblem = false
    if (first === undefined || this.#toldOfProblem) return
    this.#toldOfProblem = true
    const more = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`
    this.#settings.onProblem?.(`consul: ${first.message}${more} cannot be used: ${messageOf(first.cause)}`)
  }

  /** The error for an answer that is none. */
  async #refusal(answer: Answer): Promise<SourceError> {
    const { clock, token } = this.#settings
    // Only an excerpt is shown; when even that does not come whole, the status still says what happened.
    const text = await boundedText(answer.body, mostOfAnError, () => new Error('too large')).catch(() => '')
    const { statusCode: status } = answer
    const said = `answered ${status}: ${excerpt(text, token)}`
    if (status === 401 || status === 403) return this.#forbidden(said, status)
    const retryAfterMs = retryAfter(header(answer, 'retry-after'), clock.wallNow())
    return this.#failure(said, { status, retryAfterMs })
  }

  #forbidden(said: string, status?: number): SourceError {
    const check =
      this.#settings.token === undefined
        ? 'no token was given; give one that has service:read and node:read'
        : 'check that the token exists there, has not expired and has service:read and node:read'
    return new SourceError('SG_CONSUL_REFUSED', `${this.#about(said)}; ${check}`, { status })
  }

  #unreachable(error: unknown): Error {
    return error instanceof SourceError
      ? error
      : this.#failure(`cannot be reached: ${messageOf(error)}`, { cause: error })
  }

  #failure(said: string, parts: ConstructorParameters<typeof SourceError>[2] = {}): SourceError {
    return new SourceError('SG_CONSUL_FAILED', this.#about(said), parts)
  }

  #about(said: string): string {
    return `consul: ${this.#settings.url.origin}, asked for ${excerpt(this.#service)}, ${said}`
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Of several addresses that were tried, each failure is one of `errors`, and the whole has no message.
  const first = error instanceof AggregateError ? error.errors[0] : undefined
  return excerpt(error.message || (first instanceof Error ? first.message : '') || error.name)
}
