// The child's end of the IPC channel: start, fault, stop, and news back. A child never outlives its parent: when the
// channel closes it exits at once, however the parent ended. It owns the telemetry of the process: first on, last off.
import { Registry } from '@switchgear/core'
import type { AccessLog, Telemetry } from '@switchgear/telemetry'
import { openAccessLog } from './access-log.ts'
import type { FaultMode, News, Order, StartOrder } from './messages.ts'
import { closeTelemetry, openTelemetry } from './telemetry.ts'

/** What runs in a child. */
export interface Running {
  readonly origin: string
  readonly questions?: string | undefined
  fault?(mode: FaultMode): void
  stop(): Promise<void>
}

/** Sends news to the parent; lost without harm when the parent is gone. */
export type Tell = (news: News) => void

/** What a child begins with. */
export interface Beginning {
  readonly order: StartOrder
  readonly tell: Tell
  /** For the pipelines of this process. */
  readonly registry: Registry
  /** Undefined where the order asks for none. */
  readonly telemetry: Telemetry | undefined
  /** Undefined where the order names no file. */
  readonly accessLog: AccessLog | undefined
}

/**
 * The main program of a child process: waits for the start order and runs `start`.
 *
 * @example
 * runChild(async ({ order }) => ({ origin: await service.listen(order.port), stop: () => service.stop() }))
 */
export function runChild(start: (beginning: Beginning) => Promise<Running>): void {
  let running: Running | undefined
  let telemetry: Telemetry | undefined
  let stopping = false
  const stop = async (): Promise<void> => {
    if (stopping) return
    stopping = true
    await running?.stop()
    // After the service, so that the spans of its last requests are among those that are delivered.
    if (telemetry !== undefined) await told(await closeTelemetry(telemetry))
    process.exit(0)
  }
  const begin = async (order: StartOrder): Promise<void> => {
    try {
      const registry = new Registry()
      telemetry = order.telemetry === undefined ? undefined : openTelemetry(order.telemetry, registry)
      const accessLog = await openAccessLog(order.telemetry?.service ?? '', order.log)
      running = await start({ order, tell, registry, telemetry, accessLog })
      tell({ type: 'ready', origin: running.origin, questions: running.questions })
    } catch (error) {
      tell({ type: 'cannot', problem: messageOf(error), busyPort: busyPortOf(error) })
    }
  }
  process.on('message', (order: Order) => {
    if (order.type === 'start') void begin(order)
    else if (order.type === 'fault') running?.fault?.(order.mode)
    else void stop()
  })
  process.on('disconnect', () => process.exit(0))
  process.on('SIGTERM', () => void stop())
  // A terminal sends its interrupt to the whole group; the parent decides when the children end.
  process.on('SIGINT', () => {})
}

function tell(news: News): void {
  if (process.connected) process.send?.(news, undefined, {}, ignoreLostChannel)
}

/** Resolves when the news has left this process, which then may exit. */
function told(news: News): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(news, undefined, {}, () => resolve())
    else resolve()
  })
}

function ignoreLostChannel(): void {
  // The parent closed the channel while the news was under way; `disconnect` ends this process.
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The port that was taken, wherever in the chain of causes that is said. */
function busyPortOf(error: unknown): number | undefined {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const { code, port } = cause as { code?: unknown; port?: unknown }
    if (code === 'EADDRINUSE' && typeof port === 'number') return port
  }
  return undefined
}
