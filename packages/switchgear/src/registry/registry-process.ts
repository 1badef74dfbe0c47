// The registry as one process: its books, its server, its token, and their order at the start and at the end. Invariant: whatever
// fails at the start, nothing is left open; after `stop` the file belongs to nobody.
import {
  createRegistryServer,
  openCatalog,
  type OpenCatalog,
  type RegistryServer,
  tokenFile,
} from '@switchgear/discovery'
import { excludeServer } from '@switchgear/telemetry'
import { CommandError } from '../failure.ts'

/** Options of the process. */
export interface RegistryProcessOptions {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** Further names that it is addressed by. */
  readonly hosts: readonly string[]
  /** Ranges in which instances may be registered at another address than their own. */
  readonly addresses: readonly string[]
  /** Undefined: the books are kept in memory only. */
  readonly file: string | undefined
  /** Of the token that registers any service. It is made where there is none. */
  readonly tokenPath: string
  /** Registries that share what they know. */
  readonly nats: { readonly servers: readonly string[]; readonly bucket: string } | undefined
  readonly onProblem: (message: string) => void
}

/** A running registry. */
export class RegistryProcess {
  readonly #catalog: OpenCatalog
  readonly #server: RegistryServer

  private constructor(catalog: OpenCatalog, server: RegistryServer) {
    this.#catalog = catalog
    this.#server = server
  }

  /**
   * Opens the books and listens. Throws what a file or a token that cannot be used gives, and a `CommandError` for an address that
   * cannot be had.
   *
   * @example
   * const registry = await RegistryProcess.start(options)
   * await interruption.wait()
   * await registry.stop()
   */
  static async start(options: RegistryProcessOptions): Promise<RegistryProcess> {
    const { host, port, hosts, addresses, file, tokenPath, onProblem } = options
    const token = await tokenFile(tokenPath)
    const catalog = await openCatalog({
      ...(file === undefined ? {} : { path: file }),
      ...(await peersOf(options)),
      onProblem: ({ message }) => onProblem(message),
    })
    try {
      const server = createRegistryServer({
        catalog,
        host,
        port,
        hosts,
        addresses,
        tokens: [{ token, services: ['*'] }],
        onError: (error) => onProblem(`answering failed: ${error instanceof Error ? error.message : String(error)}`),
      })
      excludeServer(server.server)
      await server.start()
      return new RegistryProcess(catalog, server)
    } catch (error) {
      await catalog.close()
      throw listening(error, host, port)
    }
  }

  /** Where it listens; undefined once it is stopped. */
  get url(): string | undefined {
    return this.#server.url
  }

  /** What the books hold. */
  get held(): { readonly services: number; readonly instances: number } {
    return { services: this.#catalog.services().length, instances: this.#catalog.counts.instances }
  }

  /** Watches end in order, requests under way are answered, then the books are closed. */
  async stop(): Promise<void> {
    await this.#server.stop()
    await this.#catalog.close()
  }
}

/** Whoever shares nothing does not load the client of NATS. */
async function peersOf({ nats }: RegistryProcessOptions) {
  if (nats === undefined) return {}
  const { natsPeers } = await import('@switchgear/discovery/nats')
  return { peers: natsPeers({ servers: nats.servers, bucket: nats.bucket }) }
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there already; give another --port, or end that process',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not listen there',
  ENOTFOUND: 'there is no such name',
}

function listening(error: unknown, host: string, port: number): unknown {
  const reason =
    error instanceof Error && 'syscall' in error && 'code' in error ? reasons[String(error.code)] : undefined
  return reason === undefined ? error : new CommandError(`cannot listen at ${host} port ${port}: ${reason}`)
}
