// Every call of a gRPC client through the policies of its service. Invariant: to grpc-js a refused call is one that has ended; none is
// made below for it, so no timer and no place in a channel belongs to it.
import { InterceptingCall, type Interceptor, type InterceptorOptions } from '@grpc/grpc-js'
import { SwitchgearError } from '@switchgear/core'
import { unknownServiceError } from '../errors.ts'
import { GuardedCall } from './guarded-call.ts'
import type { GrpcService, GrpcSource } from './source.ts'

/** Among the options of a call: the service it is for. */
export const serviceOption: unique symbol = Symbol('switchgear.service')

/** The interceptor of all calls of one client. */
export function guard(source: GrpcSource): Interceptor {
  return (options, nextCall) => new InterceptingCall(new GuardedCall(serviceOf(source, options), options, nextCall))
}

/** An error is for the one who waits for the status: nothing is thrown where a call is made. */
function serviceOf(source: GrpcSource, options: InterceptorOptions): GrpcService | SwitchgearError {
  const { [serviceOption]: name } = options as { readonly [serviceOption]?: string }
  try {
    return name === undefined ? unknownTarget : source(name)
  } catch (error) {
    return error instanceof SwitchgearError ? error : unknownServiceError(String(name), [])
  }
}

const unknownTarget = new SwitchgearError(
  'SG_BAD_OPTIONS',
  "a client of gRPC with grpcOptions needs a target such as 'switchgear:///orders'",
)
