// One empty ExportTraceServiceRequest to the endpoint: a collector takes it and keeps nothing. What comes of it is said in one
// sentence with the remedy. https://opentelemetry.io/docs/specs/otlp/#otlphttp
import http from 'node:http'
import https from 'node:https'
import { finding, type TelemetryFinding } from './finding.ts'
import { shownUrl, type Target } from './target.ts'

interface Answer {
  readonly status: number
  readonly contentType: string
  readonly tookMs: number
}

const setEndpoint = 'set OTEL_EXPORTER_OTLP_ENDPOINT to where one listens.'

/** Tries the endpoint. Never rejects. */
export async function probe(target: Target): Promise<TelemetryFinding> {
  try {
    return judged(target, await post(target))
  } catch (error) {
    return failed(target, error as NodeJS.ErrnoException)
  }
}

/** An empty message is no bytes in protobuf, and an empty object in JSON. */
function post({ url, headers, json, timeoutMs, tls }: Target): Promise<Answer> {
  const { request } = url.protocol === 'https:' ? https : http
  const body = json ? '{}' : ''
  const startedAt = performance.now()
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: 'POST',
        headers: {
          ...headers,
          'content-type': json ? 'application/json' : 'application/x-protobuf',
          'content-length': Buffer.byteLength(body),
        },
        agent: false,
        signal: AbortSignal.timeout(timeoutMs),
        ...tls,
      },
      (response) => {
        const { statusCode: status = 0, headers: fields } = response
        resolve({ status, contentType: fields['content-type'] ?? '', tookMs: performance.now() - startedAt })
        // The head says everything.
        response.destroy()
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

function judged({ url }: Target, { status, contentType, tookMs }: Answer): TelemetryFinding {
  const at = shownUrl(url)
  const answered = `${at} answers ${status}`
  if (status >= 200 && status < 300) {
    if (contentType !== '' && !/^application\/(x-protobuf|json)/.test(contentType)) {
      const message = `${answered}, but not as a collector does (${contentType.slice(0, 40)}).`
      return finding('warning', 'no-collector', message, `Something else listens there: ${setEndpoint}`)
    }
    return finding('info', 'endpoint-ok', `${at} takes traces (${status} in ${Math.ceil(tookMs)} ms).`)
  }
  if (status < 400)
    return finding(
      'error',
      'endpoint-redirects',
      `${answered}, and redirects are not followed.`,
      'Give the address it points to.',
    )
  const [id, message, advice] = refusals[status] ?? refusalOf(status)
  return finding('error', id, `${answered}: ${message}.`, advice)
}

type Words = readonly [id: string, message: string, advice: string]

const unauthorized: Words = [
  'endpoint-unauthorized',
  'it does not know us',
  'Set OTEL_EXPORTER_OTLP_HEADERS to what it wants, such as authorization=Bearer%20….',
]
const wrongPath: Words = [
  'endpoint-path',
  'traces are not taken at this path',
  'The path is mostly /v1/traces: OTEL_EXPORTER_OTLP_ENDPOINT gets it put behind, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT must have it.',
]
const refusals: Readonly<Record<number, Words>> = {
  401: unauthorized,
  403: unauthorized,
  404: wrongPath,
  405: wrongPath,
  415: [
    'endpoint-format',
    'it does not take this format',
    'Set OTEL_EXPORTER_OTLP_PROTOCOL to the other one of http/protobuf and http/json.',
  ],
  421: [
    'endpoint-host',
    'it does not serve this name',
    'Start it so that it does: switchgear collect --allow-host <name>.',
  ],
}

function refusalOf(status: number): Words {
  if (status === 429 || status >= 500) {
    return [
      'endpoint-trouble',
      'it cannot take traces now',
      'Look at the log of the collector; spans wait and are sent again.',
    ]
  }
  return ['endpoint-refuses', 'it refuses traces', 'Look at the log of the collector.']
}

function failed({ url, timeoutMs }: Target, error: NodeJS.ErrnoException): TelemetryFinding {
  const at = shownUrl(url)
  const code = error.code ?? ''
  if (error.name === 'AbortError' || code === 'ETIMEDOUT') {
    const advice =
      'A firewall may drop what is sent there, or the collector is overloaded: try it from this machine with curl.'
    return finding('error', 'endpoint-timeout', `${at} does not answer within ${timeoutMs / 1000} s.`, advice)
  }
  if (code === 'ECONNREFUSED') {
    const advice = `Start a collector there, such as \`switchgear collect\`, or ${setEndpoint}`
    return finding('error', 'endpoint-refused', `Nothing listens at ${url.host}: the connection is refused.`, advice)
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const advice = 'Look for a slip in OTEL_EXPORTER_OTLP_ENDPOINT; a name of a container is known in its network only.'
    return finding('error', 'endpoint-unknown', `The name ${url.hostname} is not found (${code}).`, advice)
  }
  const tls = tlsWords(url, code)
  if (tls !== undefined) return finding('error', 'endpoint-tls', `${at}: ${tls[0]} (${code}).`, tls[1])
  if (code.startsWith('HPE_') || code === 'ECONNRESET' || code === 'EPIPE') {
    const message = `${url.host} does not speak HTTP/1.1 here (${code}).`
    const advice =
      'Port 4317 is mostly for gRPC, which is not spoken: take 4318. Or it wants TLS: then the endpoint begins with https.'
    return finding('error', 'endpoint-no-http', message, advice)
  }
  return finding(
    'error',
    'endpoint-unreachable',
    `${at} cannot be reached (${code || error.name}).`,
    `Check the network, or ${setEndpoint}`,
  )
}

/** What is wrong with a secure connection, and the remedy; undefined where it is something else. */
function tlsWords({ protocol, hostname }: URL, code: string): readonly [string, string] | undefined {
  if (protocol !== 'https:') return undefined
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return [`its certificate is not for ${hostname}`, 'Use a name that is in the certificate.']
  }
  if (code === 'CERT_HAS_EXPIRED') return ['its certificate has expired', 'Renew it.']
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) {
    return [
      'it does not speak TLS as we do',
      'If it takes plain HTTP, the endpoint begins with http and not with https.',
    ]
  }
  if (/CERT|SELF_SIGNED|ISSUER|LEAF|CA_/.test(code)) {
    return ['its certificate is not trusted', 'Set OTEL_EXPORTER_OTLP_CERTIFICATE to the file of its authority.']
  }
  return undefined
}
