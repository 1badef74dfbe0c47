// What the gateway answers about itself: /healthz (the process lives), /readyz (it takes requests) and /metrics. Exactly these
// three paths, for GET and HEAD; everything else is routed.
import type { Metrics } from '@switchgear/telemetry'
import type { Exchange } from './exchange.ts'
import { problem } from './problem.ts'

/** Answers one of `ownPaths`. `ready`: started and not draining. */
export async function answerStatus(exchange: Exchange, path: string, ready: boolean, metrics: Metrics): Promise<void> {
  const { method } = exchange.request
  if (method !== 'GET' && method !== 'HEAD') {
    const detail = `${path} is read with GET.`
    return exchange.answer(problem('SG_METHOD_NOT_ALLOWED', detail, { headers: ['allow', 'GET, HEAD'] }))
  }
  if (path === '/metrics') {
    const text = await metrics.text()
    return exchange.send(200, ['content-type', metrics.contentType], text)
  }
  const good = path === '/healthz' || ready
  const words = path === '/healthz' ? 'ok' : ready ? 'ready' : 'draining'
  exchange.send(good ? 200 : 503, ['content-type', 'text/plain; charset=utf-8'], `${words}\n`)
}
