// One question to the servers of the host, until one of them answers. Owns order, repetition and time-outs; it decides what counts
// as an answer: only NOERROR and NXDOMAIN do. Everything else, from SERVFAIL to garbage, makes it go on to the next server, and in
// the end is an error that names what each of them did.
import { randomInt } from 'node:crypto'
import type { Clock } from '@switchgear/core'
import { authority } from '../endpoint.ts'
import { NoAnswer } from './errors.ts'
import type { ResolvConf } from './resolv-conf.ts'
import type { Nameserver, Transport } from './transport.ts'
import { Turns } from './turns.ts'
import { decodeReply, encodeQuery, isTruncated, type QuestionType, type Reply } from './wire.ts'

/** Asks for the records of one absolute, canonical name. Rejects with `NoAnswer`, or with the signal's reason. */
export type Ask = (name: string, type: QuestionType, signal: AbortSignal) => Promise<Reply>

/** Monotone counts since the start, for those who measure. */
export interface DnsTotals {
  /** Questions sent to a server, each repetition counted. */
  readonly sent: number
  /** Of these, over TCP, because the answer did not fit. */
  readonly overTcp: number
  /** Sent questions without a usable answer: silence, SERVFAIL, damage and so on. */
  readonly failed: number
  /** Datagrams that answered no question of ours: late, damaged or forged. */
  readonly strangers: number
}

/** Milliseconds for which a silent server is asked after the others. */
const distrustMs = 30_000

/** Says "not in time" inside this file; a caller's abort has reasons of its own. */
const late = new Error('no answer in time')

export class Servers {
  readonly #transport: Transport
  readonly #clock: Clock
  readonly #turns: Turns
  /** When each silent server is trusted again; one entry a server, so it is bounded by the lists that were ever configured. */
  readonly #silentUntil = new Map<string, number>()
  #turn = 0
  sent = 0
  overTcp = 0
  failed = 0

  constructor(transport: Transport, clock: Clock, maxInFlight: number) {
    this.#transport = transport
    this.#clock = clock
    this.#turns = new Turns(maxInFlight)
  }

  /** One question under this configuration. */
  ask(conf: ResolvConf, name: string, type: QuestionType, signal: AbortSignal): Promise<Reply> {
    return this.#turns.run(signal, () => this.#askAll(conf, name, type, signal))
  }

  async #askAll(conf: ResolvConf, name: string, type: QuestionType, signal: AbortSignal): Promise<Reply> {
    const doings: string[] = []
    let isSilence = true
    let hasSpoken = false
    for (let attempt = 0; attempt < conf.attempts; attempt++) {
      for (const server of this.#ordered(conf)) {
        try {
          return await this.#askOne(server, name, type, conf.timeoutMs, signal)
        } catch (error) {
          if (signal.aborted) throw signal.reason
          this.failed++
          hasSpoken = error instanceof Unusable
          isSilence &&= error === late
          this.#judge(server, error === late)
          doings.push(`${authority(server.address, server.port)}: ${(error as Error).message}`)
        }
      }
    }
    const what = `dns: no answer for ${name}. ${type} (${[...new Set(doings)].join('; ')})`
    throw new NoAnswer(isSilence ? 'SG_DNS_TIMEOUT' : 'SG_DNS_FAILED', what, hasSpoken)
  }

  /** In the order of the configuration, except that a server that was silent just now must not delay every question. */
  #ordered({ servers, rotate }: ResolvConf): readonly Nameserver[] {
    const first = rotate ? this.#turn++ % servers.length : 0
    const inTurn = [...servers.slice(first), ...servers.slice(0, first)]
    const now = this.#clock.now()
    const isSilent = ({ address, port }: Nameserver): boolean =>
      (this.#silentUntil.get(authority(address, port)) ?? -Infinity) > now
    return [...inTurn.filter((server) => !isSilent(server)), ...inTurn.filter(isSilent)]
  }

  #judge({ address, port }: Nameserver, isSilent: boolean): void {
    const key = authority(address, port)
    // Configurations come and go; what is known of servers of old ones is not worth keeping.
    if (this.#silentUntil.size >= 64) this.#silentUntil.clear()
    if (isSilent) this.#silentUntil.set(key, this.#clock.now() + distrustMs)
    else this.#silentUntil.delete(key)
  }

  async #askOne(
    server: Nameserver,
    name: string,
    type: QuestionType,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Reply> {
    const reply = await this.#exchange(server, name, type, true, timeoutMs, signal)
    // RFC 6891 section 7: a server from before EDNS0 says so by FORMERR (some by NOTIMP), and is asked in its own language.
    const isOld = reply.rcode === 'FORMERR' || reply.rcode === 'NOTIMP'
    const answer = isOld ? await this.#exchange(server, name, type, false, timeoutMs, signal) : reply
    if (answer.rcode !== 'NOERROR' && answer.rcode !== 'NXDOMAIN') throw new Unusable(answer.rcode)
    if (answer.lame) throw new Unusable('it does not resolve this name and refers to others')
    this.#judge(server, false)
    return answer
  }

  async #exchange(
    server: Nameserver,
    name: string,
    type: QuestionType,
    edns: boolean,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Reply> {
    // An id nobody can guess; together with a random port it is what stands between us and a forged answer (RFC 5452).
    const query = encodeQuery(name, type, randomInt(65_536), edns)
    this.sent++
    let message = await this.#inTime(timeoutMs, signal, (cut) => this.#transport.udp(server, query, cut))
    if (isTruncated(message)) {
      this.sent++
      this.overTcp++
      message = await this.#inTime(timeoutMs, signal, (cut) => this.#transport.tcp(server, query, cut))
      if (isTruncated(message)) throw new Unusable('the answer is truncated over TCP too')
    }
    try {
      return decodeReply(message)
    } catch (error) {
      throw new Unusable(`the answer is damaged: ${(error as Error).message}`)
    }
  }

  async #inTime<T>(ms: number, signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (signal.aborted) throw signal.reason
    const cut = new AbortController()
    const aborted = (): void => cut.abort(signal.reason)
    const timer = this.#clock.setTimer(() => cut.abort(late), ms)
    timer.hold?.(false)
    signal.addEventListener('abort', aborted)
    try {
      return await run(cut.signal)
    } finally {
      timer.cancel()
      signal.removeEventListener('abort', aborted)
    }
  }
}

/** A server did speak, but gave no answer. */
class Unusable extends Error {}
