// The gRPC check: grpc.health.v1.Health/Check over HTTP/2 (gRPC over HTTP/2 protocol; GRPC Health Checking Protocol). Both
// messages have one field, so they are written and read here by hand: `HealthCheckRequest { string service = 1 }` and
// `HealthCheckResponse { ServingStatus status = 1 }`, where SERVING is 1. Invariant: what is read is bounded, and parsed
// without trust in any length it claims.
import { type ClientHttp2Session, connect, constants } from 'node:http2'
import { authority } from '../../endpoint.ts'
import type { Probe, Target } from './probe.ts'

const statusNames = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']
/** Bytes that an answer may have: a frame's head of 5 and a message of 2, with room for fields that we do not know. */
const answerBytes = 1024

/** A probe by gRPC health. With TLS the certificate is not verified, as for HTTP. */
export const probeGrpc: Probe = async (target, signal) => {
  const { address, tls, facts } = target
  const session = connect(`${tls ? 'https' : 'http'}://${authority(address, facts.port)}`, {
    rejectUnauthorized: false,
  })
  try {
    return await ask(session, target, signal)
  } finally {
    session.destroy()
  }
}

function ask(session: ClientHttp2Session, { facts }: Target, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    session.on('error', reject)
    // A session that the other side closes in good order has no error.
    session.once('close', () => reject(new Error('the connection was closed')))
    const stream = session.request(
      {
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
        [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
        te: 'trailers',
        'user-agent': 'switchgear-check',
        'grpc-timeout': `${facts.timeoutMs}m`,
      },
      { signal },
    )
    const answer: Buffer[] = []
    let bytes = 0
    let answered = false
    // Where there is no message, what would stand in the trailers stands in the head.
    let status: string | undefined
    const note = (headers: Record<string, unknown>): void => {
      const said = headers['grpc-status']
      if (said !== undefined) status = String(said).slice(0, 8)
    }
    // A stream that its session took down with it says so, and holds the reason.
    stream.on('error', (error: Error) => reject(error.cause ?? error))
    stream.on('trailers', note)
    stream.on('response', (headers) => {
      answered = true
      note(headers)
      if (headers[':status'] !== 200) resolve(`status ${headers[':status']}`)
    })
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= answerBytes) answer.push(chunk)
      else reject(new Error('the answer is too long'))
    })
    stream.on('end', () => {
      // Without a head it is the connection that has ended, and its error follows.
      if (answered) resolve(verdict(status, Buffer.concat(answer)))
    })
    stream.end(frame(request(facts.service)))
  })
}

function verdict(status: string | undefined, answer: Buffer): string | undefined {
  if (status !== '0') return `grpc-status ${status ?? 'missing'}`
  const serving = servingStatus(answer)
  return serving === 1 ? undefined : (statusNames[serving] ?? `serving status ${serving}`)
}

/** A message behind its head: not compressed, and its length. */
export function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** `HealthCheckRequest`. An empty field is not written. */
export function request(service: string): Buffer {
  const name = Buffer.from(service)
  if (name.length === 0) return name
  const length = name.length < 128 ? [name.length] : [(name.length & 127) | 128, name.length >> 7]
  return Buffer.concat([Buffer.from([0x0a, ...length]), name])
}

/** The status of a framed `HealthCheckResponse`: 0 where the field is missing, -1 where it is none. */
export function servingStatus(answer: Buffer): number {
  if (answer.length < 5 || answer[0] !== 0) return -1
  const end = 5 + answer.readUInt32BE(1)
  if (end > answer.length) return -1
  let status = 0
  let at = 5
  const varint = (): number => {
    let value = 0
    for (let factor = 1; at < end && factor < 2 ** 49; factor *= 128) {
      const byte = answer[at++] ?? 0
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
    return -1
  }
  while (at < end) {
    const tag = varint()
    const wire = tag & 7
    if (tag < 0) return -1
    if (tag === 8) status = varint()
    else if (wire === 0) varint()
    else if (wire === 2) {
      const length = varint()
      if (length < 0) return -1
      at += length
    } else at += wire === 1 ? 8 : wire === 5 ? 4 : end
  }
  return at === end ? status : -1
}
