// The header fields of one try: those of the request, and those that are others on each try.
import { formatGrpcTimeout, grpcTimeoutHeader } from '../deadline/grpc-timeout.ts'
import { formatRequestDeadline, requestDeadlineHeader } from '../deadline/request-deadline.ts'
import type { HeaderList, Value } from './header-list.ts'

/** The fields of the next try of a request. `remainingMs`: Infinity if there is no deadline to tell. */
export function fieldsOf(
  list: HeaderList,
  trace: readonly (readonly [string, string])[],
  remainingMs: number,
): Value[] {
  const fields = list.forTry()
  for (const [name, value] of trace) fields.push(name, value)
  if (remainingMs === Infinity) return fields
  const deadline = formatRequestDeadline(remainingMs)
  if (deadline !== undefined) fields.push(requestDeadlineHeader, deadline)
  const timeout = list.isGrpc ? formatGrpcTimeout(remainingMs) : undefined
  if (timeout !== undefined) fields.push(grpcTimeoutHeader, timeout)
  return fields
}
