// What a gRPC status means to the policies. The same question as for an HTTP status: is the service unwell, or was the call wrong?
// The codes are those of the gRPC documentation ("Status codes and their use in gRPC").
import { status } from '@grpc/grpc-js'
import { failure, finalFailure, ignored, success, type Verdict } from '@switchgear/core'

const verdicts: Readonly<Record<number, Verdict>> = {
  [status.CANCELLED]: ignored,
  [status.UNKNOWN]: failure,
  [status.DEADLINE_EXCEEDED]: failure,
  [status.RESOURCE_EXHAUSTED]: failure,
  [status.UNIMPLEMENTED]: finalFailure,
  [status.INTERNAL]: failure,
  [status.UNAVAILABLE]: failure,
  [status.DATA_LOSS]: failure,
}

/**
 * UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE and DATA_LOSS are failures, as are UNIMPLEMENTED, which
 * another try would not change, and codes that gRPC does not know; CANCELLED says nothing; every other status is an answer of a
 * service that works.
 *
 * @example
 * statusVerdict(status.NOT_FOUND).outcome // 'success'
 */
export function statusVerdict(code: status): Verdict {
  return verdicts[code] ?? (status[code] === undefined ? failure : success)
}
