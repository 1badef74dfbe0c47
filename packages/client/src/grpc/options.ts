// What a client of grpc-js is made with, so that it finds its service by name and every call passes through its policies. The service
// is that of the target, which an interceptor is not told: each call takes it along from its channel.
import type { CallProperties, ChannelOptions, ClientOptions } from '@grpc/grpc-js'
import { guard, serviceOption } from './interceptor.ts'
import { registerScheme } from './resolver.ts'
import { type GrpcClient, grpcSource, serviceOf, sourceOption } from './source.ts'

/**
 * Round robin among the instances that are connected, with outlier detection (gRPC's A50) by the same share of failures as our own
 * ejection: a channel owns its connections, and nobody from outside can pick one per call.
 */
const serviceConfig = JSON.stringify({
  loadBalancingConfig: [
    {
      outlier_detection: {
        interval: { seconds: 10, nanos: 0 },
        base_ejection_time: { seconds: 30, nanos: 0 },
        max_ejection_time: { seconds: 300, nanos: 0 },
        max_ejection_percent: 50,
        failure_percentage_ejection: {
          threshold: 50,
          enforcement_percentage: 100,
          minimum_hosts: 2,
          request_volume: 20,
        },
        child_policy: [{ round_robin: {} }],
      },
    },
  ],
})

/**
 * Options for a client of grpc-js whose target is `switchgear:///name`: the service `name` of `client`. Its calls are admitted by the
 * policies of the service, end by their timeouts and the ambient deadline (sent as `grpc-timeout`), count for its circuit by their
 * status, and carry the trace. A refused call is not sent and ends with UNAVAILABLE (DEADLINE_EXCEEDED where it is too late), with the
 * code of the error in `details` and in the metadata `switchgear-code`.
 *
 * Calls are balanced by grpc-js: round robin, whatever the balancer, weights (but 0) and ejection of the service are. They are repeated
 * by nobody but grpc-js, which does it where a server has not seen them, or as `methodConfig` in a `grpc.service_config` of your own
 * says; copy `loadBalancingConfig` into it. A call that lists `interceptors` of its own replaces those of its client, ours among them.
 * A bulkhead is held until the trailers. The host's `http_proxy` is not used: the endpoints of a service are no names of hosts.
 *
 * @example
 * const orders = new OrdersClient('switchgear:///orders', credentials.createInsecure(), grpcOptions(client))
 */
export function grpcOptions(client: GrpcClient): ClientOptions {
  registerScheme()
  const source = client[grpcSource]
  const channel: ChannelOptions = {
    'grpc.service_config': serviceConfig,
    'grpc.enable_http_proxy': 0,
    [sourceOption]: source,
  }
  return { ...channel, interceptors: [guard(source)], callInvocationTransformer: withService }
}

/** Tells the interceptor which service the channel of a call leads to. */
function withService<Asked, Answered>(call: CallProperties<Asked, Answered>): CallProperties<Asked, Answered> {
  return {
    ...call,
    callOptions: { ...call.callOptions, [serviceOption]: serviceOf(call.channel.getTarget()) } as object,
  }
}
