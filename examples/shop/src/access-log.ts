// The requests that a service failed or was slow to answer, as lines of JSON with the trace and the span that they belong to. Off
// unless a file is named: the screen belongs to the story.
import { AccessLog, pinoRedaction, traceFields } from '@switchgear/telemetry'

/**
 * Opens the access log of a service; undefined when there is no file.
 *
 * @example
 * const accessLog = await openAccessLog('orders', 'shop.log')
 */
export async function openAccessLog(service: string, file: string | undefined): Promise<AccessLog | undefined> {
  if (file === undefined) return undefined
  // Loaded here, so that no process waits for it that writes nothing.
  const { pino } = await import('pino')
  // At once, so that five processes can share a file: a line is written whole, and there are few.
  const destination = pino.destination({ dest: file, sync: true })
  const logger = pino({ base: { service }, mixin: traceFields, ...pinoRedaction() }, destination)
  return new AccessLog({ healthyRatio: 0, log: (record, level) => logger[level](record, 'request') })
}
