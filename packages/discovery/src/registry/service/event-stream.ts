// One connection to a registry's watch, from its request to its end. Invariant: it ends by itself when nothing is heard for three
// times as long as the registry promised, and nothing of it is left when its promise settles. It shows up in no trace.
import type { Clock } from '@switchgear/core'
import { quietly } from '@switchgear/core/observe'
import type { Agent, Dispatcher } from 'undici'
import { refusalOf, unreachable } from './registry-link.ts'
import { type ServerSentEvent, SseParser } from './sse-parser.ts'
import { heartbeatHeader, longestHeartbeatMs, senseless } from './wire.ts'

/** What is followed. */
export interface StreamParts {
  readonly agent: Agent
  readonly clock: Clock
  readonly origin: string
  readonly path: string
  readonly token: string | undefined
  readonly lastEventId: string
  /** Until the head of the answer. */
  readonly headMs: number
  /** Ends it. */
  readonly signal: AbortSignal
  /** Hears what arrived at one time, also when that is nothing but a sign of life. What it throws ends the stream. */
  readonly heard: (events: readonly ServerSentEvent[], lastEventId: string) => void
}

/** Signs of life that may be missed. */
const missed = 3
const defaultHeartbeatMs = 5000
const largestRefusal = 64 * 1024

/**
 * Resolves when the registry ends the stream in order. Rejects with a `SwitchgearError`, also when `signal` is aborted.
 *
 * @example
 * await follow({ agent, clock, origin, path: '/v1/watch?service=orders', token, lastEventId: '', headMs: 6000, signal, heard })
 */
export async function follow(parts: StreamParts): Promise<void> {
  const silence = new Silence(parts.clock, parts.signal)
  try {
    silence.allow(parts.headMs)
    const response = await open(parts, silence.signal)
    const heartbeatMs = Number(response.headers[heartbeatHeader])
    const isSound = heartbeatMs >= 100 && heartbeatMs <= longestHeartbeatMs
    const silenceMs = missed * (isSound ? heartbeatMs : defaultHeartbeatMs)
    const parser = new SseParser()
    silence.allow(silenceMs)
    for await (const chunk of response.body) {
      silence.heard()
      parts.heard(parser.push(chunk as Uint8Array), parser.lastEventId)
    }
  } catch (error) {
    throw errorOf(error)
  } finally {
    silence.end()
  }
}

async function open(parts: StreamParts, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
  const { agent, origin, path, token, lastEventId } = parts
  const headers = {
    accept: 'text/event-stream',
    'cache-control': 'no-store',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(lastEventId === '' ? {} : { 'last-event-id': lastEventId }),
  }
  const response = await quietly(() =>
    agent.request({ origin, path, method: 'GET', headers, signal, headersTimeout: 0, bodyTimeout: 0, reset: true }),
  )
  const type = String(response.headers['content-type'] ?? '')
  if (response.statusCode === 200 && /^text\/event-stream(?:;|$)/i.test(type)) return response
  const body = await textOf(response)
  if (response.statusCode === 200) throw senseless('an event stream')
  throw refusalOf({ status: response.statusCode, body })
}

/** The problem details of a refusal; nothing where there are none, or too much of it. */
async function textOf({ body }: Dispatcher.ResponseData): Promise<Record<string, unknown>> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += (chunk as Uint8Array).length
    if (bytes > largestRefusal) return {}
    chunks.push(chunk as Uint8Array)
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    // A page of a proxy, mostly: its status says more than its text.
    return {}
  }
}

function errorOf(error: unknown): Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('SG_') ? error : unreachable(error)
}

/** Notices that nothing is heard. One timer, which is not set anew for each chunk. */
class Silence {
  readonly #clock: Clock
  readonly #outer: AbortSignal
  readonly #controller = new AbortController()
  #timer: { cancel(): void } | undefined
  #allowedMs = 0
  #heardAt = 0

  constructor(clock: Clock, outer: AbortSignal) {
    this.#clock = clock
    this.#outer = outer
    if (outer.aborted) this.#onOuter()
    else outer.addEventListener('abort', this.#onOuter, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** From now on so long nothing may be heard. */
  allow(ms: number): void {
    this.#allowedMs = ms
    this.heard()
    this.#set(ms)
  }

  heard(): void {
    this.#heardAt = this.#clock.now()
  }

  end(): void {
    this.#timer?.cancel()
    this.#outer.removeEventListener('abort', this.#onOuter)
  }

  #set(ms: number): void {
    this.#timer?.cancel()
    const timer = this.#clock.setTimer(() => {
      const left = this.#heardAt + this.#allowedMs - this.#clock.now()
      if (left > 0) return this.#set(left)
      this.#controller.abort(unreachable(`nothing was heard for ${Math.round(this.#allowedMs)} ms`))
    }, ms)
    timer.hold?.(false)
    this.#timer = timer
  }

  readonly #onOuter = (): void => this.#controller.abort(this.#outer.reason)
}
