// Reading one small body: bounded in bytes and in time, whoever sends it. A body that is not wanted is still read to a bound
// before the answer, because closing a socket with unread bytes resets it, and its sender would lose the answer. Invariant: after
// a promise of it settled, no listener or timer is left; nothing beyond `keepBytes` is ever held.
import type { IncomingMessage } from 'node:http'
import type { Clock } from '@switchgear/core'
import { badRequest } from './errors.ts'

/** What a body may be. */
export interface IntakeRules {
  readonly keepBytes: number
  readonly timeoutMs: number
  readonly clock: Clock
}

/** The sender went away: nobody is left to be answered. */
export class SenderGone extends Error {}

type End = 'whole' | 'too large' | 'too slow' | 'gone'

/** A body that is larger than this many times what is kept is not even thrown away: its connection ends. */
const patience = 4

/**
 * See the head of this file.
 *
 * @example
 * const body = await new Intake(request, { keepBytes: 65_536, timeoutMs: 5000, clock }).json()
 */
export class Intake {
  readonly #request: IncomingMessage
  readonly #rules: IntakeRules
  #ended: Promise<End> | undefined
  readonly #chunks: Buffer[] = []
  #received = 0

  constructor(request: IncomingMessage, rules: IntakeRules) {
    this.#request = request
    this.#rules = rules
  }

  /** The JSON in the body, an object; an empty one where there is no body. Throws `SG_REGISTRY_REQUEST` or `SenderGone`. */
  async json(): Promise<Record<string, unknown>> {
    const { headers } = this.#request
    const { keepBytes, timeoutMs } = this.#rules
    if ((headers['content-encoding'] ?? 'identity') !== 'identity')
      throw badRequest(415, 'the body must not be encoded')
    const end = await this.#end()
    if (end === 'gone') throw new SenderGone('the connection was lost before the body was complete')
    if (end === 'too slow') throw badRequest(408, `the body did not arrive within ${timeoutMs} ms`)
    if (end === 'too large') throw badRequest(413, `the body is larger than ${keepBytes} bytes`)
    if (this.#received === 0) return {}
    // A page of the web can send other types without asking; this one it cannot.
    if (!/^application\/json\s*(?:;\s*charset="?utf-?8"?\s*)?$/i.test(headers['content-type'] ?? ''))
      throw badRequest(415, 'the content type must be application/json')
    return parse(Buffer.concat(this.#chunks))
  }

  /** Reads what is left, so that an answer arrives. Answers whether the connection may go on. */
  async finish(): Promise<boolean> {
    return this.#request.complete || (await this.#end()) === 'whole' || this.#request.complete
  }

  #end(): Promise<End> {
    this.#ended ??= new Promise((resolve) => this.#collect(resolve))
    return this.#ended
  }

  #collect(resolve: (end: End) => void): void {
    const { keepBytes, timeoutMs, clock } = this.#rules
    const request = this.#request
    const settle = (end: End): void => {
      timer.cancel()
      request.off('data', onData).off('end', onEnd).off('close', onClose)
      resolve(end)
    }
    const onData = (chunk: Buffer): void => {
      this.#received += chunk.length
      if (this.#received <= keepBytes) return void this.#chunks.push(chunk)
      this.#chunks.length = 0
      if (this.#received > keepBytes * patience) settle('too large')
    }
    const onEnd = (): void => settle(this.#received > keepBytes ? 'too large' : 'whole')
    const onClose = (): void => settle('gone')
    const timer = clock.setTimer(() => settle('too slow'), timeoutMs)
    timer.hold?.(false)
    if (request.destroyed && !request.complete) return onClose()
    request.on('data', onData).on('end', onEnd).on('close', onClose).resume()
  }
}

function parse(bytes: Buffer): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    // What the parser says quotes the body, and that may hold anything.
    throw badRequest(400, 'the body is not JSON in UTF-8')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest(400, 'the body must be a JSON object')
  return value as Record<string, unknown>
}
