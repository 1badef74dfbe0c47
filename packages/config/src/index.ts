// switchgear.yaml: its schema, its loader with errors that say where, and a check for what is valid but unwise.
export { checkConfig } from './check/check.ts'
export type { Finding, Severity } from './check/finding.ts'
export { loadConfig, parseConfig } from './load.ts'
export { ConfigError, configError, describe, type Problem } from './problem.ts'
export { type Config, jsonSchema } from './schema/config.ts'
export type {
  ConsulSource,
  DiscoveryConfig,
  DiscoverySource,
  DnsSource,
  EtcdSource,
  FileSource,
  KubernetesSource,
  NatsCredentialsPlace,
  NatsSource,
  RegistrySource,
  TlsPlace,
  TokenPlace,
} from './schema/discovery-config.ts'
export type { GatewayConfig } from './schema/gateway.ts'
export type { SimulationConfig } from './schema/simulation.ts'
export { simulatedModel } from './simulated.ts'
