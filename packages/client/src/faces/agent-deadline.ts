// By when a request of node:http has to be over, as far as its caller has a say in it. Strangers are neither told deadlines nor read
// for them: a header that they use may mean something else.
import type { ClientRequest } from 'node:http'
import { systemClock } from '@switchgear/core'
import { activeContext } from '@switchgear/telemetry'
import { parseRequestDeadline, requestDeadlineHeader } from '../deadline/request-deadline.ts'
import type { Depot } from '../depot.ts'

/** The earlier of the ambient deadline and that of the request's own header; monotonic milliseconds, undefined without any. */
export function agentDeadline({ clock, travels }: Depot, request: ClientRequest): number | undefined {
  const { deadline: ambient } = activeContext()
  const header = travels ? request.getHeader(requestDeadlineHeader) : undefined
  const remainingMs = typeof header === 'string' ? parseRequestDeadline(header) : undefined
  const now = clock.now()
  // Deadlines in a context are on the host's clock, which need not be the client's.
  const due = Math.min(
    ambient === Infinity ? Infinity : ambient - systemClock.now() + now,
    remainingMs === undefined ? Infinity : now + remainingMs,
  )
  return due === Infinity ? undefined : due
}
