// @switchgear/discovery/nats: what speaks to NATS, as an entry of its own, so that whoever does not use NATS does not load its client.
export { natsPeers, type NatsPeersOptions } from '../registry/peers/nats-peers.ts'
export { natsKey } from './key.ts'
export { natsResolver } from './nats.ts'
export type { NatsCredentials, NatsResolverOptions } from './options.ts'
