// The deadline of a gRPC call on the server's side: what a handler starts knows it, so that calls by a client of ours end with it.
// grpc-js itself reads `grpc-timeout` and ends the call; what it cannot know is what the handler is still doing.
import { ServerInterceptingCall, type ServerInterceptor, ServerListenerBuilder } from '@grpc/grpc-js'
import { activeContext, runIn } from '@switchgear/telemetry'

/**
 * An interceptor for servers: handlers run with the deadline of their call.
 *
 * @example
 * const server = new Server({ interceptors: [serverDeadline] })
 */
export const serverDeadline: ServerInterceptor = (_method, call) => {
  const deadline = call.getDeadline()
  const at = typeof deadline === 'number' ? deadline : deadline.getTime()
  if (!(at < Infinity)) return new ServerInterceptingCall(call)
  const due = performance.now() + (at - Date.now())
  const within = (next: () => void): void => runIn(activeContext().withDeadline(due), next)
  return new ServerInterceptingCall(call, {
    start: (next) =>
      next(
        new ServerListenerBuilder()
          .withOnReceiveMetadata((metadata, pass) => within(() => pass(metadata)))
          .withOnReceiveMessage((message, pass) => within(() => pass(message)))
          .withOnReceiveHalfClose((pass) => within(() => pass()))
          .build(),
      ),
  })
}
