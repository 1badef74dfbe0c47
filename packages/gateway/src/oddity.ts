// Requests that are HTTP and that this gateway does not forward, found before anything else is looked at. It must refuse
// whatever two servers in a row could understand differently.
import type { IncomingMessage } from 'node:http'
import { problem, type Problem } from './problem.ts'

/** The problem with a request as such, or undefined. */
export function faultOfRequest(request: IncomingMessage): Problem | undefined {
  const { headers } = request
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
    return problem('SG_EXPECTATION_FAILED', 'Only "100-continue" can be expected.')
  }
  // Without one (only HTTP/1.0 may) or with two, the server behind us would see another host than we did.
  const hosts = request.headersDistinct.host?.length ?? 0
  if (hosts > 1 || (hosts === 0 && request.httpVersion !== '1.0')) {
    return problem('SG_BAD_REQUEST', 'A request has one Host field.')
  }
  const coding = headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    return problem('SG_NOT_IMPLEMENTED', 'The only transfer coding that is forwarded is "chunked".')
  }
  // A client that offers HTTP/2 this way goes on in HTTP/1.1 when it is ignored (RFC 7540, 3.2); any other would be lost.
  if (headers.upgrade !== undefined && headers.upgrade.toLowerCase() !== 'h2c') {
    return problem('SG_NOT_IMPLEMENTED', 'Protocol upgrades are not forwarded.')
  }
  return undefined
}
