// The books of one run: what every gate was asked and answered, what every policy said in events, and what every budget paid.
// They are kept apart from the policies and compared with what those say of themselves. Whatever is wrong stands in `problems`.
import {
  type Call,
  type Gate,
  type Outcome,
  type Policy,
  type PolicyEvent,
  type PolicySnapshot,
  type RetryBudget,
  retryBudget,
  SwitchgearError,
} from '../src/index.ts'

export type Problems = string[]

interface Pass {
  readonly call: Call
  readonly settled: Outcome[]
  exited: boolean
}

/** A gate that keeps the books of the kernel: each pass settled once and exited once by its own call, the innermost first. */
export class Ledger implements Gate {
  readonly kind = 'gate'
  readonly name: string
  readonly passes: Pass[] = []
  refusing: number
  readonly #problems: Problems
  readonly #random: () => number
  readonly #open: Map<Call, string[]>

  /** `open` is shared by all ledgers of a run: the passes of each call, the innermost last. */
  constructor(name: string, refusing: number, problems: Problems, random: () => number, open: Map<Call, string[]>) {
    this.name = name
    this.refusing = refusing
    this.#problems = problems
    this.#random = random
    this.#open = open
  }

  enter(call: Call): number {
    if (this.#random() < this.refusing) return -7
    const id = this.passes.push({ call, settled: [], exited: false }) - 1
    this.#open.set(call, [...(this.#open.get(call) ?? []), `${this.name}/${id}`])
    return id
  }

  refusal(call: Call, ticket: number): SwitchgearError {
    if (ticket !== -7) this.#problems.push(`${this.name} was asked for the refusal of ticket ${ticket}`)
    return new SwitchgearError('SG_TEST', `${call.name}: refused`, { policy: this.name, refusal: true })
  }

  settle(call: Call, ticket: number, outcome: Outcome): void {
    const pass = this.#pass(call, ticket)
    if (pass === undefined) return
    const isBrokenBody = pass.settled.length === 1 && pass.settled[0] === 'success' && outcome === 'failure'
    if (pass.exited) this.#problems.push(`${this.name}/${ticket} was settled after its exit`)
    if (pass.settled.length > 0 && !isBrokenBody) this.#problems.push(`${this.name}/${ticket} was settled twice`)
    pass.settled.push(outcome)
  }

  exit(call: Call, ticket: number): void {
    const pass = this.#pass(call, ticket)
    if (pass === undefined) return
    if (pass.exited) this.#problems.push(`${this.name}/${ticket} was exited twice`)
    if (pass.settled.length === 0) this.#problems.push(`${this.name}/${ticket} was exited without a settle`)
    pass.exited = true
    const open = this.#open.get(call) ?? []
    if (open.at(-1) !== `${this.name}/${ticket}`)
      this.#problems.push(`${this.name}/${ticket} left before ${open.at(-1)}`)
    const rest = open.filter((id) => id !== `${this.name}/${ticket}`)
    if (rest.length === 0) this.#open.delete(call)
    else this.#open.set(call, rest)
  }

  #pass(call: Call, ticket: number): Pass | undefined {
    const pass = this.passes[ticket]
    if (pass === undefined) this.#problems.push(`${this.name} does not know ticket ${ticket}`)
    else if (pass.call !== call) this.#problems.push(`${this.name}/${ticket} came from another call`)
    return pass
  }
}

/** A budget that checks at every payment that no more is paid than was earned. */
export class Purse implements RetryBudget {
  paid = 0
  readonly #budget: RetryBudget
  readonly #ratio: number
  readonly #perMs: number
  readonly #problems: Problems
  #earned: number
  #lastAt: number | undefined = undefined

  constructor(options: { ratio: number; minPerSecond: number }, problems: Problems) {
    this.#budget = retryBudget(options)
    this.#ratio = options.ratio
    this.#perMs = options.minPerSecond / 1000
    this.#problems = problems
    this.#earned = options.minPerSecond * 10
  }

  deposit(): void {
    this.#earned += this.#ratio
    this.#budget.deposit()
  }

  tryWithdraw(now: number): boolean {
    this.#earned += this.#perMs * (now - (this.#lastAt ?? now))
    this.#lastAt = now
    const granted = this.#budget.tryWithdraw(now)
    if (granted && ++this.paid > this.#earned + 1e-6) this.#problems.push(`${this.paid} paid of ${this.#earned} earned`)
    return granted
  }

  balance(now: number): number {
    return this.#budget.balance(now)
  }

  restore(balance: number, elapsedMs: number, now: number): void {
    // Time before it began counts: a reserve fades, and fills again.
    this.#earned += balance + this.#perMs * elapsedMs
    this.#budget.restore?.(balance, elapsedMs, now)
  }
}

/** Calls in flight and the most that may be, where a gate has such a bound. */
function occupancy(snapshot: PolicySnapshot | undefined): readonly [inFlight: number, limit: number] | undefined {
  if (snapshot?.policy === 'bulkhead') return [snapshot.inFlight, snapshot.maxInFlight]
  if (snapshot?.policy === 'adaptiveLimit') return [snapshot.inFlight, snapshot.limit]
  return undefined
}

/** Listens to one policy, and between the kernel and a gate. */
export class Book {
  readonly policy: Policy
  readonly events: PolicyEvent[] = []
  admitted = 0
  exited = 0
  readonly settled: Record<Outcome, number> = { success: 0, failure: 0, ignored: 0 }
  readonly #problems: Problems
  #inFlight = 0
  #totals: Readonly<Record<string, unknown>> = {}

  constructor(policy: Policy, problems: Problems) {
    this.policy = policy
    this.#problems = problems
    policy.events?.subscribe((event) => this.events.push(event))
    if (policy.kind === 'gate') this.#audit(policy)
  }

  get #disabled(): boolean {
    const last = this.events.findLast(({ type }) => type === 'transition')
    return last?.type === 'transition' && last.to === 'disabled'
  }

  /** How many events of a type it published. */
  count(type: PolicyEvent['type'], field?: string, value?: unknown): number {
    const all = this.events.filter((event) => event.type === type)
    return field === undefined ? all.length : all.filter((event) => (event as never)[field] === value).length
  }

  /** Totals only ever grow; `freed` slots may have gone, and no more than the limit are taken beside those that were. */
  look(freed: number = 0): void {
    const snapshot = this.policy.snapshot?.()
    const { totals = {} } = (snapshot ?? {}) as { totals?: Readonly<Record<string, unknown>> }
    for (const [name, value] of Object.entries(totals)) {
      const [now, before] = [value, this.#totals[name] ?? 0].map((one) => [one].flat(1) as number[])
      const sinks = now?.some((count, index) => !(count >= (before?.[index] ?? 0)))
      if (sinks === true) this.#problems.push(`${this.policy.name}: ${name} went from ${before} to ${now}`)
    }
    this.#totals = totals
    const [inFlight, limit] = occupancy(snapshot) ?? [0, 0]
    if (inFlight > Math.max(limit, this.#inFlight - freed) || inFlight < 0)
      this.#problems.push(`${this.policy.name}: ${inFlight} in flight, before ${this.#inFlight}, of ${limit}`)
    this.#inFlight = inFlight
  }

  /** Nothing a gate does may throw; what it admits it must be given back. */
  #audit(gate: Gate): void {
    const watched =
      <Args extends unknown[], R>(name: string, run: (...args: Args) => R, then: (result: R, ...args: Args) => void) =>
      (...args: Args): R => {
        let result: R
        try {
          result = run.apply(gate, args)
        } catch (error) {
          this.#problems.push(`${gate.name}.${name} threw ${String(error)}`)
          throw error
        }
        then(result, ...args)
        return result
      }
    const admit = (ticket: number): void => {
      if (ticket >= 0) this.admitted++
    }
    const { enter, settle, exit, refusal, wait, canWait } = gate
    Object.assign(gate, {
      enter: watched('enter', enter, (ticket) => {
        if (Number.isNaN(ticket)) this.#problems.push(`${gate.name} answered a ticket that is none`)
        admit(ticket)
        this.look()
      }),
      settle: watched('settle', settle, (_none, _call, _ticket, outcome) => {
        // A circuit that is disabled records nothing.
        if (!this.#disabled) this.settled[outcome]++
        this.look()
      }),
      exit: watched('exit', exit, () => {
        this.exited++
        if (this.exited > this.admitted) this.#problems.push(`${gate.name} was exited more often than entered`)
        this.look(1)
      }),
      refusal: watched('refusal', refusal, (error) => {
        if (!error.refusal) this.#problems.push(`${gate.name} refused with ${error.code}, which is no refusal`)
      }),
    })
    if (wait === undefined || canWait === undefined) return
    const waits = watched('wait', wait, () => this.look())
    // The same promise: another one would reach the kernel a turn later.
    Object.assign(gate, {
      wait: (call: Call) => {
        const ticket = waits(call)
        ticket.then(admit, () => undefined)
        return ticket
      },
    })
  }
}
