// @switchgear/discovery: a service's name to its live endpoints. Resolvers know where instances are, the directory decides what is
// kept of it, the registry is where instances say that they are there.
export { consulResolver } from './consul/consul.ts'
export { consulErrors } from './consul/errors.ts'
export type { ConsulOptions } from './consul/options.ts'
export { discoveryErrors, type ProblemListener } from './directory-errors.ts'
export { createDirectory, type DirectoryOptions, isServiceName } from './directory.ts'
export { type DnsResolver, dnsResolver } from './dns/dns-resolver.ts'
export { dnsErrors } from './dns/errors.ts'
export type { DnsResolverOptions } from './dns/options.ts'
export type { DnsTotals } from './dns/servers.ts'
export { authority, type Endpoint, endpoint, type EndpointParts, type Readiness } from './endpoint.ts'
export { etcdResolver } from './etcd/etcd.ts'
export type { EtcdResolverOptions } from './etcd/options.ts'
export { kubernetesErrors } from './kubernetes/errors.ts'
export { type Cluster, inCluster } from './kubernetes/in-cluster.ts'
export { kubernetesResolver } from './kubernetes/kubernetes.ts'
export type { KubernetesOptions, PortChoice, ServicePlace } from './kubernetes/options.ts'
export type {
  Catalog,
  CatalogChange,
  CatalogInstance,
  CatalogListener,
  CatalogView,
  HealthCheck,
  Registered,
  Registration,
} from './registry/catalog.ts'
export { registryErrors } from './registry/errors.ts'
export type { CatalogBounds } from './registry/bounds.ts'
export { type CatalogOptions, type OpenCatalog, openCatalog } from './registry/open-catalog.ts'
export type { Peers } from './registry/peers/peers.ts'
export type { TokenGrant } from './registry/service/access.ts'
export type { RegistryServiceOptions } from './registry/service/service-options.ts'
export { createRegistryHandler, type RegistryHandler } from './registry/service/handler.ts'
export { catalogResolver } from './registry/service/catalog-resolver.ts'
export { registryServiceErrors } from './registry/service/errors.ts'
export type { RegisterOptions } from './registry/service/register-options.ts'
export { register, type Registering } from './registry/service/register.ts'
export { registryResolver, type RegistryResolverOptions } from './registry/service/registry-resolver.ts'
export { createRegistryServer, type RegistryServer, type RegistryServerOptions } from './registry/service/server.ts'
export { tokenFile } from './registry/service/token-file.ts'
export type { Resolver, Snapshot, Watcher, Watching } from './resolver.ts'
export type { Directory, Entry, Roster, RosterView } from './roster.ts'
export { fallingBack, type FallingBackOptions } from './sources/falling-back.ts'
export { fileResolver, type FileResolverOptions } from './sources/file.ts'
export { merging } from './sources/merging.ts'
export { preferring } from './sources/preferring.ts'
export { staticResolver, type StaticResolver } from './sources/static.ts'
