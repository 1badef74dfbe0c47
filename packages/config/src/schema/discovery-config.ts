// What stands under `discovery`, as types: where services are found that name no endpoints. It only describes; whoever reads the
// file makes the directory. Invariant: no secret is in it, only where one is: a file, or a variable of the environment.
import type {
  ConsulOptions,
  DirectoryOptions,
  DnsResolverOptions,
  EtcdResolverOptions,
  FallingBackOptions,
  FileResolverOptions,
  KubernetesOptions,
  RegistryResolverOptions,
} from '@switchgear/discovery'
import type { NatsResolverOptions } from '@switchgear/discovery/nats'

/** What only code can hand over. */
type OfCode = 'clock' | 'random' | 'onProblem'

/** Where a token is: one of the two. */
export interface TokenPlace {
  /** Read once, when the source is made; blanks and line breaks at its ends do not count. */
  readonly tokenFile?: string | undefined
  /** Name of a variable of the environment. */
  readonly tokenVariable?: string | undefined
}

/** Where certificates and keys are, as PEM. */
export interface TlsPlace {
  /** Whom to trust instead of the system's roots. */
  readonly caFile?: string | undefined
  /** Our own certificate, and its key. */
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

/** The Switchgear registry. */
export type RegistrySource = Omit<RegistryResolverOptions, 'token' | OfCode> & TokenPlace
/** DNS; the name is a template. */
export type DnsSource = Omit<DnsResolverOptions, 'name' | OfCode> & { readonly name?: string | undefined }
/** A JSON file. */
export type FileSource = Omit<FileResolverOptions, OfCode>
/** Consul. */
export type ConsulSource = Omit<ConsulOptions, 'token' | 'ca' | OfCode> & TokenPlace & Pick<TlsPlace, 'caFile'>
/** Kubernetes; without `server` the cluster that the process runs in. */
export type KubernetesSource = Omit<KubernetesOptions, 'server' | 'namespace' | 'token' | 'ca' | OfCode> &
  Pick<TokenPlace, 'tokenVariable'> & { readonly server?: string | undefined; readonly namespace?: string | undefined }
/** Etcd. */
export type EtcdSource = Omit<EtcdResolverOptions, 'password' | 'ca' | 'cert' | 'key' | OfCode> &
  TlsPlace & { readonly passwordFile?: string | undefined; readonly passwordVariable?: string | undefined }
/** Who we are to NATS. */
export type NatsCredentialsPlace = TokenPlace &
  TlsPlace & {
    readonly user?: string | undefined
    readonly passFile?: string | undefined
    readonly passVariable?: string | undefined
  }
/** A NATS KV bucket. */
export type NatsSource = Omit<NatsResolverOptions, 'credentials' | OfCode> & {
  readonly credentials?: NatsCredentialsPlace | undefined
}

/** One source: exactly one of the keys is there. */
export interface DiscoverySource {
  readonly registry?: RegistrySource | undefined
  readonly dns?: DnsSource | undefined
  readonly file?: FileSource | undefined
  readonly consul?: ConsulSource | undefined
  readonly kubernetes?: true | KubernetesSource | undefined
  readonly etcd?: EtcdSource | undefined
  readonly nats?: NatsSource | undefined
}

/** `discovery` of switchgear.yaml: one source or one chain of them, and how what they say is kept. */
export interface DiscoveryConfig
  extends
    DiscoverySource,
    Pick<DirectoryOptions, 'lastKnown' | 'absentFor' | 'emptyFor' | 'maxServices' | 'maxEndpoints'> {
  /** The first that has endpoints. */
  readonly prefer?: readonly DiscoverySource[] | undefined
  /** The first that answers. */
  readonly fallBack?: readonly DiscoverySource[] | undefined
  /** All together. */
  readonly merge?: readonly DiscoverySource[] | undefined
  /** Of `fallBack`: its option `after`. */
  readonly fallBackAfter?: FallingBackOptions['after']
}
