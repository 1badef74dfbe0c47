// Being found: one instance registers itself, says that it lives, and says goodbye. One loop does one thing at a time: register,
// then heartbeats; what a registry does not know (any more) is registered again. Invariant: nothing that the registry does or
// says is thrown out of the background, nothing keeps the process alive, and after `close` no socket or timer is left.
import { type Random, SwitchgearError, type Timer } from '@switchgear/core'
import { type RegisterOptions, type RegisterSettings, resolveRegister } from './register-options.ts'
import { type Reply, refusalOf, RegistryLink, unreachable } from './registry-link.ts'
import { senseless } from './wire.ts'
import { waitMs, within } from './waits.ts'

/** One instance that wants to be found. */
export interface Registering {
  /** `registered`: the registry has answered, and its last answer was not that it does not know us. */
  readonly state: 'registering' | 'registered' | 'closed'
  /** What is wrong now; undefined while all is well. */
  readonly problem: SwitchgearError | undefined
  /** Of this life of the instance. */
  readonly incarnation: number
  /** `false`: it lives and wants no traffic, for example while it starts or drains. Told at once, and with every heartbeat. */
  ready(isReady: boolean): void
  /** Ends it: the instance is deregistered, within `closeTimeout`. Never rejects. For SIGTERM. */
  close(): Promise<void>
}

/** Waits for a registry that does not answer, and for one that refuses. */
const unreachableWaits = { firstMs: 200, longestMs: 15_000 }
const refusedWaits = { firstMs: 1000, longestMs: 60_000 }
/** The registry does not know us, or somebody has registered over us: who is right is decided by the incarnation. */
const unknown: ReadonlySet<string> = new Set(['SG_NOT_REGISTERED', 'SG_WRONG_SECRET'])

let lastIncarnation = 0

/**
 * Registers an instance, and resolves when the registry has answered for the first time, or all of them have failed to. In that
 * case, as ever after, it goes on trying by itself: a service starts without its registry. Rejects with `SG_BAD_OPTIONS` only.
 *
 * @example
 * const registering = await register({ service: 'orders', port: 8080, health: { http: '/healthz' }, registry, token })
 * process.once('SIGTERM', () => void registering.close().then(() => server.close()))
 */
export async function register(options: RegisterOptions): Promise<Registering> {
  const life = new Life(resolveRegister(options))
  await life.begin()
  return life
}

class Life implements Registering {
  readonly incarnation: number
  readonly #settings: RegisterSettings
  readonly #link: RegistryLink
  #secret: string | undefined
  #leaseMs: number
  #isReady = true
  #problem: SwitchgearError | undefined
  #failures = 0
  #isForgotten = false
  #step: Promise<void> = Promise.resolve()
  #timer: Timer | undefined
  #isStepping = false
  #isUrgent = false
  #closed: Promise<void> | undefined

  constructor(settings: RegisterSettings) {
    this.#settings = settings
    this.#leaseMs = settings.leaseMs
    this.#link = new RegistryLink(settings.urls)
    // Later than every other life of this process, also when the wall clock was set back meanwhile.
    lastIncarnation = Math.max(lastIncarnation + 1, Math.floor(settings.clock.wallNow()))
    this.incarnation = lastIncarnation
  }

  get state(): 'registering' | 'registered' | 'closed' {
    if (this.#closed !== undefined) return 'closed'
    return this.#secret === undefined ? 'registering' : 'registered'
  }

  get problem(): SwitchgearError | undefined {
    return this.#problem
  }

  begin(): Promise<void> {
    this.#run()
    return this.#step
  }

  ready(isReady: boolean): void {
    if (this.#isReady === isReady) return
    this.#isReady = isReady
    this.#isUrgent = true
    this.#run()
  }

  close(): Promise<void> {
    this.#closed ??= this.#end()
    return this.#closed
  }

  /** Takes the next step now, unless one is being taken: that one sees to what is urgent. */
  #run(): void {
    if (this.#isStepping || this.#closed !== undefined) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#isStepping = true
    this.#step = this.#take().finally(() => {
      this.#isStepping = false
    })
  }

  async #take(): Promise<void> {
    const nextMs = await this.#attempt()
    if (this.#closed !== undefined) return
    const { clock } = this.#settings
    this.#timer = clock.setTimer(() => this.#run(), this.#isUrgent ? 0 : nextMs)
    this.#timer.hold?.(false)
  }

  /** One request, and how long to wait after it. Never throws. */
  async #attempt(): Promise<number> {
    const { random } = this.#settings
    this.#isUrgent = false
    try {
      // A registration makes the instance ready, so what it wants is said right behind it.
      const isNew = this.#secret === undefined
      if (isNew) await this.#register()
      if (!isNew || !this.#isReady || this.#settings.health !== undefined) await this.#beat()
      this.#failures = 0
      return (this.#leaseMs / 3) * spread(random)
    } catch (error) {
      // What was cut off by the end is no problem.
      return this.#closed === undefined ? this.#failed(error) : 0
    }
  }

  async #register(): Promise<void> {
    const { path, token, body, requestMs: timeoutMs } = this.#settings
    const sent = { ...body, incarnation: this.incarnation }
    const reply = await this.#link.ask({ method: 'PUT', path, credential: token, body: sent, timeoutMs })
    if (reply.status !== 201) throw refusalOf(reply)
    const { secret, leaseMs } = reply.body
    // It is put into a header: anything but a credential could not be, or could be more than that.
    if (typeof secret !== 'string' || !/^[A-Za-z0-9\-._~+/]{1,511}=*$/.test(secret)) throw senseless('a registration')
    this.#leaseMs = leaseOf(leaseMs)
    this.#secret = secret
    this.#solved()
  }

  async #beat(): Promise<void> {
    const { path, requestMs: timeoutMs } = this.#settings
    const [isWell, problem] = await this.#health()
    const ready = isWell && this.#isReady
    const credential = this.#secret ?? ''
    const reply = await this.#link.ask({
      method: 'POST',
      path: `${path}/heartbeat`,
      credential,
      body: { ready },
      timeoutMs,
    })
    if (reply.status !== 200) throw this.#refused(reply)
    this.#leaseMs = leaseOf(reply.body.leaseMs)
    this.#isForgotten = false
    if (problem === undefined) this.#solved()
    else this.#tell(problem)
  }

  #refused(reply: Reply): SwitchgearError {
    const refusal = refusalOf(reply)
    if (unknown.has(refusal.code)) this.#secret = undefined
    return refusal
  }

  async #health(): Promise<readonly [isWell: boolean, problem: SwitchgearError | undefined]> {
    const { health, requestMs, clock } = this.#settings
    if (health === undefined) return [true, undefined]
    try {
      const isWell = await within(Promise.resolve(health()), requestMs, clock)
      if (isWell === undefined) throw new Error(`it did not answer within ${requestMs} ms`)
      return [isWell === true, undefined]
    } catch (error) {
      const words = 'the health function failed, so the instance counts as not ready'
      return [false, new SwitchgearError('SG_HEALTH_FAILED', words, { cause: error })]
    }
  }

  #failed(error: unknown): number {
    const { random } = this.#settings
    const problem = error instanceof SwitchgearError ? error : senseless('one that we understand', error)
    // The registry has restarted, most likely: it waits for us. If it forgets us again before a heartbeat it is no restart.
    if (unknown.has(problem.code) && !this.#isForgotten) {
      this.#isForgotten = true
      return 100 * spread(random)
    }
    this.#failures++
    this.#tell(problem)
    const isDown = problem.code === 'SG_REGISTRY_UNREACHABLE'
    const wait = waitMs(isDown ? unreachableWaits : refusedWaits, this.#failures, random)
    // While there is a lease it can still be saved.
    return this.#secret === undefined ? wait : Math.min(wait, this.#leaseMs / 3)
  }

  #solved(): void {
    this.#problem = undefined
  }

  #tell(problem: SwitchgearError): void {
    const isKnown = this.#problem?.code === problem.code
    this.#problem = problem
    if (isKnown) return
    try {
      this.#settings.onProblem(problem)
    } catch {
      // It was the last one to be told; there is nobody else, and the heartbeats must go on.
    }
  }

  async #end(): Promise<void> {
    this.#timer?.cancel()
    const { clock, closeMs, path } = this.#settings
    const until = clock.now() + closeMs
    // What is under way may be a registration: without its answer there would be nothing to deregister with.
    await within(this.#step, closeMs, clock)
    const timeoutMs = Math.floor(until - clock.now())
    try {
      if (this.#secret !== undefined && timeoutMs > 0) {
        const asked = this.#link.ask({ method: 'DELETE', path, credential: this.#secret, timeoutMs })
        const reply = await within(asked, timeoutMs, clock)
        if (reply === undefined) throw unreachable(`it did not answer within ${timeoutMs} ms`)
        if (reply.status !== 204 && reply.status !== 404) throw refusalOf(reply)
      }
    } catch (error) {
      // The lease will end what could not be ended in order.
      this.#tell(error instanceof SwitchgearError ? error : senseless('one that we understand', error))
    } finally {
      this.#secret = undefined
      await this.#link.close()
    }
  }
}

/** Somewhat less than all of it, so that instances that started together do not stay together. */
function spread(random: Random): number {
  return 0.8 + random() * 0.2
}

function leaseOf(value: unknown): number {
  if (!(typeof value === 'number' && value >= 1000 && value <= 3_600_000)) throw senseless('a lease')
  return value
}
