// What can be said of a request before its body is read: who it is meant for, where it comes from, what it carries. A web page
// can reach loopback, so a Host that nobody announced (DNS rebinding) and a foreign Origin are refused first, and only content
// types are taken that a page cannot send without asking. Nothing here allows it to ask: there is no CORS.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Format } from './receiver-answer.ts'
import { Refusal, tooLarge } from './receiver-refusal.ts'

/** What a request turned out to carry. */
export interface Screened {
  readonly format: Format
  readonly gzip: boolean
}

const formats: Readonly<Record<string, Format>> = { 'application/x-protobuf': 'protobuf', 'application/json': 'json' }

/** The signals of OTLP that are not kept here, and the setting of the SDKs that turns each off. */
const otherSignals: Readonly<Record<string, string>> = {
  '/v1/metrics': 'OTEL_METRICS_EXPORTER',
  '/v1/logs': 'OTEL_LOGS_EXPORTER',
}

/** The encoding of the request's body, by its content type; JSON where it has none of ours, because people can read it. */
export function formatOf(headers: IncomingHttpHeaders): Format {
  return declaredFormat(headers) ?? 'json'
}

/** Lets a request pass. Throws a Refusal otherwise. */
export function screen(request: IncomingMessage, served: ReadonlySet<string>, maxBodyBytes: number): Screened {
  const { headers } = request
  screenSource(headers, served)
  screenTarget(request)
  const format = declaredFormat(headers)
  if (format === undefined) {
    throw new Refusal(415, 'the content type must be application/x-protobuf or application/json, in UTF-8')
  }
  const encoding = (headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (encoding !== 'gzip' && encoding !== 'identity') {
    throw new Refusal(415, 'the content encoding must be gzip or identity', { 'accept-encoding': 'gzip, identity' })
  }
  // Without a length, the body is counted as it comes.
  if (Number(headers['content-length'] ?? 0) > maxBodyBytes) throw tooLarge('the body', maxBodyBytes)
  return { format, gzip: encoding === 'gzip' }
}

function screenSource(headers: IncomingHttpHeaders, served: ReadonlySet<string>): void {
  const { host = '', origin } = headers
  const name = /^(\[[\da-f:.]+\]|[^:[\]]+)(?::\d*)?$/i.exec(host)?.[1]?.toLowerCase()
  if (name === undefined || !served.has(name)) {
    throw new Refusal(421, 'this Host is not served here: add its name to allowedHosts')
  }
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    throw new Refusal(403, 'requests of web pages from elsewhere are not taken')
  }
}

function screenTarget({ url = '', method }: IncomingMessage): void {
  const path = /^[^?#]*/.exec(url)?.[0] ?? ''
  const setting = Object.hasOwn(otherSignals, path) ? otherSignals[path] : undefined
  // 404 and not 200: the SDK must not believe that it was kept. No SDK repeats a request that was answered 404.
  if (setting !== undefined) {
    throw new Refusal(404, `only traces are kept here, at /v1/traces: set ${setting}=none, or its endpoint elsewhere`)
  }
  if (path !== '/v1/traces') throw new Refusal(404, 'there is nothing here: traces are sent to /v1/traces')
  if (method !== 'POST') throw new Refusal(405, 'traces are sent with POST', { allow: 'POST' })
}

function declaredFormat(headers: IncomingHttpHeaders): Format | undefined {
  const [type = '', ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(';')
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='))
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset)
  const name = type.trim()
  return isUtf8 && Object.hasOwn(formats, name) ? formats[name] : undefined
}
