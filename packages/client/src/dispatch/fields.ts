// The header fields of one try: those of the request, and those that are others on each try.
import { formatGrpcTimeout, grpcTimeoutHeader } from '../deadline/grpc-timeout.ts'
import { formatRequestDeadline, requestDeadlineHeader } from '../deadline/request-deadline.ts'
import type { HeaderList, Value } from './header-list.ts'

/**
 * The fields of the next try of a request. `remainingMs`: Infinity if there is no deadline to tell.
 *
 * They are made when the try is handed to the connection pool, because the engine takes a request's fields as they are then. What passes
 * until the request is written, for a new connection at most `connectTimeout`, is told as if it still remained. Nothing waits for a free
 * connection as long as `maxConnections` is no less than what the policies let through, its default where they have a bound.
 */
export function fieldsOf(list: HeaderList, trace: readonly string[], remainingMs: number): Value[] {
  const fields = list.forTry()
  for (const text of trace) fields.push(text)
  if (remainingMs === Infinity) return fields
  const deadline = formatRequestDeadline(remainingMs)
  if (deadline !== undefined) fields.push(requestDeadlineHeader, deadline)
  const timeout = list.isGrpc ? formatGrpcTimeout(remainingMs) : undefined
  if (timeout !== undefined) fields.push(grpcTimeoutHeader, timeout)
  return fields
}
