// The child's end of the IPC channel: start, fault, stop, and news back. A child never outlives its parent: when the
// channel closes it exits at once, however the parent ended.
import type { FaultMode, News, Order, StartOrder } from './messages.ts'

/** What runs in a child. */
export interface Running {
  readonly origin: string
  fault?(mode: FaultMode): void
  stop(): Promise<void>
}

/** Sends news to the parent; lost without harm when the parent is gone. */
export type Tell = (news: News) => void

/**
 * The main program of a child process: waits for the start order and runs `start`.
 *
 * @example
 * runChild(async (order) => ({ origin: await service.listen(order.port), stop: () => service.stop() }))
 */
export function runChild(start: (order: StartOrder, tell: Tell) => Promise<Running>): void {
  let running: Running | undefined
  const stop = async (): Promise<void> => {
    await running?.stop()
    process.exit(0)
  }
  const begin = async (order: StartOrder): Promise<void> => {
    try {
      running = await start(order, tell)
      tell({ type: 'ready', origin: running.origin })
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
