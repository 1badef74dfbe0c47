// The registry's service as a request handler: from a request to the books and back. It can be mounted in a server of somebody
// else. Invariant: every request gets exactly one answer or becomes one watch; nothing that a peer sends ends the process.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { SwitchgearError } from '@switchgear/core'
import { quietly } from '@switchgear/core/observe'
import { denied, Doorkeeper } from './doorkeeper.ts'
import { badRequest, busy, serviceName } from './errors.ts'
import { Intake, SenderGone } from './intake.ts'
import { type Answer, isExpected, json, nothing, problem } from './problem.ts'
import { readHeartbeat, readRegistration } from './registration-body.ts'
import { badName, type Route, routeOf } from './routes.ts'
import { screenSource, targetOf } from './screen.ts'
import { type RegistryServiceOptions, resolveService, type ServiceSettings } from './service-options.ts'
import type { Position } from './service-feed.ts'
import { Watchers } from './watchers.ts'
import { mostWatched, shownView } from './wire.ts'

/** Answers requests to the registry. */
export interface RegistryHandler {
  /** Takes one request of node:http; `target` where it was mounted below a prefix. Never throws, never rejects. */
  handle(request: IncomingMessage, response: ServerResponse, target?: string): void
  /** Watches that are open. */
  readonly watchers: number
  /** Ends all watches and answers 503 from now on. */
  close(): void
}

/**
 * The request handler alone, for a server that exists already. That server bounds connections, heads and their time; `read` is
 * 'token' unless said otherwise, because nothing is known here of where it listens. Throws `SG_BAD_OPTIONS`.
 *
 * @example
 * const registry = createRegistryHandler({ catalog, tokens })
 * admin.on('request', (request, response) => registry.handle(request, response))
 */
export function createRegistryHandler(options: RegistryServiceOptions): RegistryHandler {
  return new Handler(resolveService(options))
}

class Handler implements RegistryHandler {
  readonly #settings: ServiceSettings
  readonly #door: Doorkeeper
  readonly #watchers: Watchers
  #isClosed = false

  constructor(settings: ServiceSettings) {
    this.#settings = settings
    this.#door = new Doorkeeper(settings)
    const { catalog, clock, maxWatchers: most, heartbeatMs, stallMs } = settings
    const onError = (error: unknown): void => {
      if (!isExpected(error)) this.#tell(error)
    }
    this.#watchers = new Watchers({ catalog, clock, onError, most, heartbeatMs, stallMs })
  }

  get watchers(): number {
    return this.#watchers.size
  }

  handle(request: IncomingMessage, response: ServerResponse, target: string = request.url ?? ''): void {
    // A peer that leaves in the middle makes both fail; whoever reads the body sees it by the close that follows.
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    // What this throws in spite of everything is ours: told, and its connection is given up.
    quietly(() => this.#answer(request, response, target)).catch((error: unknown) => {
      this.#tell(error)
      response.destroy()
    })
  }

  close(): void {
    this.#isClosed = true
    this.#watchers.close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse, target: string): Promise<void> {
    const { maxBodyBytes: keepBytes, bodyTimeoutMs: timeoutMs, clock } = this.#settings
    const intake = new Intake(request, { keepBytes, timeoutMs, clock })
    let answer: Answer | undefined
    try {
      screenSource(request, this.#settings.hosts)
      if (this.#isClosed) throw busy(503, 'the registry is ending', 1000)
      answer = await this.#serve(routeOf(request.method ?? '', targetOf(target)), request, response, intake)
    } catch (error) {
      if (error instanceof SenderGone) return
      if (!isExpected(error)) this.#tell(error)
      answer = problem(error)
    }
    // A watch: the response is its own.
    if (answer === undefined) return
    if (!(await intake.finish()) || this.#isClosed) response.setHeader('connection', 'close')
    if (response.destroyed) return
    response.writeHead(answer.status, answer.headers)
    response.end(answer.body)
  }

  async #serve(
    route: Route,
    request: IncomingMessage,
    response: ServerResponse,
    intake: Intake,
  ): Promise<Answer | undefined> {
    const { catalog } = this.#settings
    switch (route.kind) {
      case 'services':
        return json(200, { services: catalog.services().filter(this.#door.reader(request)) })
      case 'view':
        if (!this.#door.reader(request)(route.service)) throw denied(403, `this token does not read ${route.service}`)
        return json(200, shownView(catalog.view(route.service)))
      case 'watch':
        return this.#watch(route.services, request, response)
      case 'register':
        return await this.#register(route, request, intake)
      case 'heartbeat': {
        const secret = this.#door.secret(request)
        const ready = readHeartbeat(await intake.json())
        return json(
          200,
          this.#known(request, () => catalog.heartbeat(route.service, route.id, secret, ready)),
        )
      }
      case 'deregister': {
        const secret = this.#door.secret(request)
        this.#known(request, () => catalog.deregister(route.service, route.id, secret))
        return nothing()
      }
    }
  }

  async #register(
    { service, id }: { readonly service: string; readonly id: string },
    request: IncomingMessage,
    intake: Intake,
  ): Promise<Answer> {
    this.#door.admitRegistration(request, service)
    // Taken now: a socket that closes forgets who it was.
    const peer = request.socket.remoteAddress
    const body = await intake.json()
    const registered = this.#settings.catalog.register(
      readRegistration(body, { service, id, peer }, this.#settings.addresses),
    )
    const { secret, incarnation, leaseMs } = registered
    return json(201, { service, id, secret, incarnation, leaseMs })
  }

  #watch(names: readonly string[], request: IncomingMessage, response: ServerResponse): undefined {
    if (response.destroyed) throw new SenderGone('the reader left before its watch began')
    // Behind another answer on its connection it might wait for ever: a watch would be held that nobody hears.
    if (response.socket === null) throw badRequest(400, 'a watch must be alone on its connection')
    const asked = [...new Set(names)]
    if (asked.length === 0 || asked.length > mostWatched)
      throw badRequest(400, `a watch is of 1 to ${mostWatched} services: ?service=orders&service=payments`)
    if (!asked.every((name) => serviceName.test(name))) throw badName()
    const allows = this.#door.reader(request)
    const services = asked.filter(allows)
    if (services.length === 0) throw denied(403, `this token does not read ${asked.slice(0, 3).join(', ')}`)
    const refused = asked
      .filter((name) => !allows(name))
      .map((name) => ({ service: name, code: 'SG_REGISTRY_DENIED', detail: 'this token does not read it' }))
    this.#watchers.open(response, { services, from: positionOf(request.headers['last-event-id']), refused })
    return undefined
  }

  /** Runs what needs the secret of an instance. */
  #known<T>(request: IncomingMessage, run: () => T): T {
    try {
      return run()
    } catch (error) {
      if (error instanceof SwitchgearError && error.code === 'SG_WRONG_SECRET') this.#door.wrongSecret(request)
      throw error
    }
  }

  #tell(error: unknown): void {
    try {
      this.#settings.onError(error)
    } catch {
      // A listener that throws must not leave a peer without its answer; there is nobody else to tell.
    }
  }
}

/** What is not an id of ours is none: the watch begins with a view. */
function positionOf(lastEventId: string | string[] | undefined): Position | undefined {
  const [, epoch, index] = /^([\x21-\x7e]{1,128}):(\d{1,15})$/.exec(String(lastEventId ?? '')) ?? []
  return epoch === undefined ? undefined : { epoch, index: Number(index) }
}
