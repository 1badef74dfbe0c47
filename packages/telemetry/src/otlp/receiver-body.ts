// Reading one body: as it comes, inflated on the way, and given up at the first byte too many, so that neither a body without a
// length nor a small one that inflates to gigabytes is ever held. Invariant: after the promise settled, no listener or timer of
// it is left, and the request is not destroyed: its socket is needed for the answer.
import type { IncomingMessage } from 'node:http'
import { createGunzip, type Gunzip } from 'node:zlib'
import type { Claim } from './receiver-budget.ts'
import { Refusal, tooBusy, tooLarge, tooSlow } from './receiver-refusal.ts'

/** What a body may be. */
export interface BodyRules {
  readonly gzip: boolean
  readonly maxBodyBytes: number
  readonly maxInflatedBytes: number
  readonly timeoutMs: number
  /** Grows with what is kept. */
  readonly claim: Claim
}

/** The sender went away: nobody is left to be answered. */
export class SenderGone extends Error {}

const inflateChunkBytes = 64 * 1024

/** The body, inflated. Rejects with a Refusal, or with SenderGone. */
export function readBody(request: IncomingMessage, rules: BodyRules): Promise<Uint8Array> {
  return new Promise((resolve, reject) => new BodyReader(request, rules, resolve, reject).begin())
}

class BodyReader {
  readonly #request: IncomingMessage
  readonly #rules: BodyRules
  readonly #resolve: (body: Uint8Array) => void
  readonly #reject: (error: Error) => void
  readonly #gunzip: Gunzip | undefined
  readonly #chunks: Buffer[] = []
  #timer: NodeJS.Timeout | undefined
  #received = 0
  #kept = 0
  #isSettled = false

  constructor(
    request: IncomingMessage,
    rules: BodyRules,
    resolve: (body: Uint8Array) => void,
    reject: (error: Error) => void,
  ) {
    this.#request = request
    this.#rules = rules
    this.#resolve = resolve
    this.#reject = reject
    this.#gunzip = rules.gzip ? createGunzip({ chunkSize: inflateChunkBytes }) : undefined
  }

  begin(): void {
    const { timeoutMs } = this.#rules
    this.#timer = setTimeout(() => this.#fail(tooSlow(timeoutMs)), timeoutMs).unref()
    this.#request.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose)
    this.#gunzip?.on('data', this.#keep).on('end', this.#done).on('drain', this.#onDrain).on('error', this.#onGarbage)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#received += chunk.length
    const { maxBodyBytes } = this.#rules
    if (this.#received > maxBodyBytes) this.#fail(tooLarge('the body', maxBodyBytes))
    else if (this.#gunzip === undefined) this.#keep(chunk)
    else if (!this.#gunzip.write(chunk)) this.#request.pause()
  }

  readonly #onDrain = (): void => void this.#request.resume()

  readonly #onEnd = (): void => {
    if (this.#gunzip === undefined) this.#done()
    else this.#gunzip.end()
  }

  readonly #onClose = (): void => {
    if (!this.#request.complete) this.#fail(new SenderGone('the connection was lost before the body was complete'))
  }

  readonly #onGarbage = (): void => this.#fail(new Refusal(400, 'the body is not gzip, as its content encoding says'))

  readonly #keep = (chunk: Buffer): void => {
    const { claim, maxInflatedBytes } = this.#rules
    this.#kept += chunk.length
    if (this.#kept > maxInflatedBytes) this.#fail(tooLarge('the inflated body', maxInflatedBytes))
    else if (!claim.grow(chunk.length)) this.#fail(tooBusy())
    else this.#chunks.push(chunk)
  }

  readonly #done = (): void => {
    if (this.#settle()) this.#resolve(Buffer.concat(this.#chunks))
  }

  #fail(error: Error): void {
    if (this.#settle()) this.#reject(error)
    this.#chunks.length = 0
  }

  #settle(): boolean {
    if (this.#isSettled) return false
    this.#isSettled = true
    clearTimeout(this.#timer)
    this.#request.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose)
    this.#gunzip?.off('data', this.#keep).off('drain', this.#onDrain).destroy()
    return true
  }
}
