// @switchgear/client/grpc: clients of grpc-js that find their services by name and call them through the same policies.
export { grpcOptions } from './options.ts'
export { serverDeadline } from './server-deadline.ts'
export type { GrpcClient, GrpcService, GrpcSource } from './source.ts'
export { statusVerdict } from './status-verdict.ts'
