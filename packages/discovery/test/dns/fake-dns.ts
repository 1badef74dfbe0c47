// A DNS server for tests that is a table. It answers real bytes, so that everything above the sockets is what production runs.
import * as packet from 'dns-packet'
import type { Nameserver, Transport } from '../../src/dns/transport.ts'
import type { Snapshot, Watcher } from '../../src/index.ts'

export interface Told {
  readonly rcode?: number
  readonly answers?: readonly packet.Answer[]
  readonly authorities?: readonly packet.Answer[]
  readonly additionals?: readonly packet.Answer[]
  /** Besides those of an ordinary recursive answer. */
  readonly flags?: number
}

export const servfail: Told = { rcode: 2 }
export const nxdomain: Told = { rcode: 3 }
export const refused: Told = { rcode: 5 }

export const a = (name: string, address: string, ttl = 60): packet.Answer => ({ type: 'A', name, ttl, data: address })
export const aaaa = (name: string, address: string, ttl = 60): packet.Answer => ({
  type: 'AAAA',
  name,
  ttl,
  data: address,
})
export const cname = (name: string, target: string, ttl = 60): packet.Answer => ({
  type: 'CNAME',
  name,
  ttl,
  data: target,
})
export const srv = (name: string, target: string, port: number, priority = 0, weight = 0, ttl = 60): packet.Answer => ({
  type: 'SRV',
  name,
  ttl,
  data: { target, port, priority, weight },
})
export const soa = (name: string, minimum: number, ttl = 3600): packet.Answer => ({
  type: 'SOA',
  name,
  ttl,
  data: { mname: `ns.${name}`, rname: `root.${name}`, serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
})

/** The bytes with which `told` answers a query. */
export function replyTo(query: Uint8Array, told: Told): Buffer {
  const { id, questions } = packet.decode(Buffer.from(query))
  return packet.encode({
    type: 'response',
    id: id ?? 0,
    flags: packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | (told.rcode ?? 0) | (told.flags ?? 0),
    questions: questions ?? [],
    answers: [...(told.answers ?? [])],
    authorities: [...(told.authorities ?? [])],
    additionals: [...(told.additionals ?? [])],
  })
}

export type Row = Told | 'silence' | Error | ((query: Uint8Array, server: Nameserver) => Uint8Array)

/** Rows by 'name TYPE', or by 'name TYPE address' for one server alone; what has no row does not exist. */
export class FakeDns implements Transport {
  readonly rows: Record<string, Row>
  /** 'name TYPE', in order; with `@address` after it for a server other than the first. */
  readonly asked: string[] = []
  open = 0

  constructor(rows: Record<string, Row> = {}) {
    this.rows = rows
  }

  udp(server: Nameserver, query: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    return this.#ask('', server, query, signal)
  }

  tcp(server: Nameserver, query: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    return this.#ask(' tcp', server, query, signal)
  }

  /** What was asked since the last time. */
  take(): readonly string[] {
    return this.asked.splice(0)
  }

  async #ask(how: string, server: Nameserver, query: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const [question] = packet.decode(Buffer.from(query)).questions ?? []
    const key = `${question?.name} ${question?.type}`
    this.asked.push(`${key}${how}${server.address === '10.0.0.1' ? '' : `@${server.address}`}`)
    const row = this.rows[`${key}${how} ${server.address}`] ?? this.rows[`${key}${how}`] ?? nxdomain
    if (row instanceof Error) throw row
    if (typeof row === 'function') return row(query, server)
    if (row !== 'silence') return replyTo(query, row)
    this.open++
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        this.open--
        reject(signal.reason as Error)
      })
    })
  }
}

/** Keeps what it is told. */
export class Ear implements Watcher {
  readonly heard: (Snapshot | Error)[] = []

  found(snapshot: Snapshot): void {
    this.heard.push(snapshot)
  }

  failed(error: Error): void {
    this.heard.push(error)
  }

  /** What was heard since the last time, short: '10.0.0.7:80 10.0.0.8:80', with '+' after an incomplete one, or '! code'. */
  take(): readonly string[] {
    return this.heard.splice(0).map((one) => {
      if (one instanceof Error) return `! ${(one as { code?: string }).code ?? one.message}`
      const ids = one.endpoints.map(({ id, readiness }) => (readiness === 'ready' ? id : `(${id})`))
      return `${ids.join(' ')}${one.complete ? '' : ' +'}`
    })
  }
}
