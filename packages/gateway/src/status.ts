// What the gateway answers about itself: /healthz (the process lives), /readyz (it takes requests) and /metrics. Exactly these
// three paths, for GET and HEAD; everything else is routed.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Metrics } from '@switchgear/telemetry'
import { Cut } from './cut.ts'
import type { Exchange } from './exchange.ts'
import { problem } from './problem.ts'

/** Answers one of `ownPaths`. `ready`: started and not draining. */
export async function answerStatus(exchange: Exchange, path: string, ready: boolean, metrics: Metrics): Promise<void> {
  const { method } = exchange.request
  if (method !== 'GET' && method !== 'HEAD') {
    const detail = `${path} is read with GET.`
    return exchange.answer(problem('SG_METHOD_NOT_ALLOWED', detail, { headers: ['allow', 'GET, HEAD'] }))
  }
  if (path === '/metrics') return answerMetrics(exchange, metrics)
  const good = path === '/healthz' || ready
  const words = path === '/healthz' ? 'ok' : ready ? 'ready' : 'draining'
  exchange.send(good ? 200 : 503, ['content-type', 'text/plain; charset=utf-8'], `${words}\n`)
}

/** Longer than any scraper waits. */
const scrapeMs = 60_000

/** Slice by slice, so that a long scrape delays no request. */
async function answerMetrics(exchange: Exchange, metrics: Metrics): Promise<void> {
  const { request, response, alarm, signal } = exchange
  const { contentType, body } = metrics.answer(request.headers.accept)
  response.writeHead(200, ['content-type', contentType, 'cache-control', 'no-store'])
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  alarm.setAfter(scrapeMs, () => exchange.abort(new Cut('client stalled')))
  try {
    await pipeline(Readable.from(body), response, { signal })
  } catch (error) {
    exchange.reason ??= `the scrape was not completed: ${error instanceof Error ? error.message : String(error)}`
    exchange.cut()
  } finally {
    alarm.clear()
  }
}
