// The name resolver of grpc-js for `switchgear:///service`: what the roster holds, as grpc-js wants it. The one file that uses
// `experimental` of grpc-js, which is why its version is pinned. Invariants: after `destroy` nothing is told until it is asked
// again; the listener is never called within the constructor or `updateResolution`; while nothing is known, nothing is told, so that
// calls wait for it up to their deadlines.
import { type ChannelOptions, experimental, status } from '@grpc/grpc-js'
import { authority, type Endpoint, type Roster, type RosterView } from '@switchgear/discovery'
import { type GrpcSource, scheme, sourceOption } from './source.ts'

type Listener = ConstructorParameters<Parameters<typeof experimental.registerResolver>[1]>[1]

/** Watches one service for one channel. */
class ServiceResolver implements experimental.Resolver {
  readonly #name: string
  readonly #listener: Listener
  readonly #source: GrpcSource | undefined
  #roster: Roster | undefined = undefined
  #unsubscribe: (() => void) | undefined = undefined
  #due: NodeJS.Immediate | undefined = undefined
  /** The last answer, as a text. */
  #told: string | undefined = undefined

  constructor(target: experimental.GrpcUri, listener: Listener, options: ChannelOptions) {
    this.#name = target.path
    this.#listener = listener
    this.#source = options[sourceOption] as GrpcSource | undefined
  }

  static getDefaultAuthority({ path }: experimental.GrpcUri): string {
    return path
  }

  /** Asked many times within a turn, it answers once, and only what it has not told yet. */
  updateResolution(): void {
    this.#due ??= setImmediate(() => {
      this.#due = undefined
      this.#answer()
    })
  }

  destroy(): void {
    if (this.#due !== undefined) clearImmediate(this.#due)
    this.#due = undefined
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.#roster = undefined
    this.#told = undefined
  }

  #answer(): void {
    try {
      if (this.#source === undefined)
        throw new Error('the channel has no client: make its options by grpcOptions(client)')
      this.#roster ??= this.#source(this.#name).roster
      // Discovery tells many of its listeners in one turn, and this one may be ended by another: never within that turn.
      this.#unsubscribe ??= this.#roster.subscribe(() => this.updateResolution())
    } catch (error) {
      return this.#fail(error instanceof Error ? error.message : String(error))
    }
    this.#tell(this.#roster.view)
  }

  #tell({ entries, state, error }: RosterView): void {
    const endpoints = usable(entries.map(({ endpoint }) => endpoint))
    if (endpoints.length > 0) return this.#addresses(endpoints)
    if (error === undefined && state === 'waiting') return
    // After a failure grpc-js goes on with what it has, if it has any. An empty list would say more, but it would make calls wait.
    this.#fail(`no endpoint of ${this.#name} is known: ${error?.message ?? 'discovery says that there is none'}`)
  }

  #addresses(endpoints: readonly Endpoint[]): void {
    // grpc-js asks again whenever a connection fails, and begins all of them anew with every answer, which may make others fail.
    if (!this.#isNews(endpoints.map(({ address, port }) => authority(address, port)).join(' '))) return
    const addresses = endpoints.map(({ address, port }) => ({ addresses: [{ host: address, port }] }))
    // How to balance is among the options of the channel, where its owner can change it.
    this.#listener(experimental.statusOrFromValue(addresses), {}, null, '')
  }

  #fail(details: string): void {
    if (!this.#isNews(`failed: ${details}`)) return
    this.#listener(experimental.statusOrFromError({ code: status.UNAVAILABLE, details }), {}, null, '')
  }

  #isNews(text: string): boolean {
    const isNews = text !== this.#told
    this.#told = text
    return isNews
  }
}

/** Those that take traffic, else those that finish, else whoever is there; of those the ones with a weight, where there are any. */
function usable(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  for (const readiness of ['ready', 'draining', 'unready'] as const) {
    const alike = endpoints.filter((endpoint) => endpoint.readiness === readiness)
    const weighty = alike.filter(({ weight }) => weight > 0)
    if (alike.length > 0) return weighty.length > 0 ? weighty : alike
  }
  return []
}

let registered = false

/** Makes `switchgear:///service` known to grpc-js, once per process. */
export function registerScheme(): void {
  if (registered) return
  registered = true
  experimental.registerResolver(scheme, ServiceResolver)
}
