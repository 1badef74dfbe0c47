// A gate that only keeps the books of the kernel: what it was asked, in which order, by which call. It checks the contract
// of a gate while it is used: enter once, settle at most once (a failure may follow a success), exit exactly once, after
// the settle, and the innermost first. Whatever breaks the contract stands in `problems`.
import { type Call, type Gate, type Outcome, SwitchgearError } from '../src/index.ts'

/** What several recorders write to, in the order in which it happened. */
export class Journal {
  readonly lines: string[] = []
  readonly problems: string[] = []
  /** The open passes of each call (by its key), the innermost last. */
  readonly open: Map<string, string[]> = new Map()

  /** Permits that the call of this key holds now. */
  held(key: string): number {
    return this.open.get(key)?.length ?? 0
  }

  /** Permits that anybody holds now. */
  get heldByAll(): number {
    return [...this.open.values()].reduce((sum, passes) => sum + passes.length, 0)
  }
}

interface Ticket {
  readonly key: string
  readonly settled: Outcome[]
  exited: boolean
}

/** Refuses where `refuses` says so; otherwise admits everything. */
export class Recorder implements Gate {
  readonly kind = 'gate'
  readonly name: string
  readonly journal: Journal
  readonly errors: unknown[] = []
  refuses: () => boolean = () => false
  readonly #tickets: Ticket[] = []

  constructor(name: string, journal: Journal = new Journal()) {
    this.name = name
    this.journal = journal
  }

  /** Every outcome it learned, in order. */
  get learned(): Outcome[] {
    return this.#tickets.flatMap(({ settled }) => settled)
  }

  get inFlight(): number {
    return this.#tickets.filter(({ exited }) => !exited).length
  }

  get entered(): number {
    return this.#tickets.length
  }

  enter(call: Call): number {
    if (this.refuses()) {
      this.journal.lines.push(`refuse ${this.name}`)
      return -7
    }
    const ticket = { key: call.key ?? '', settled: [], exited: false }
    this.#tickets.push(ticket)
    this.journal.lines.push(`enter ${this.name}`)
    const open = this.journal.open.get(ticket.key) ?? []
    this.journal.open.set(ticket.key, [...open, this.#id(this.#tickets.length - 1)])
    return this.#tickets.length - 1
  }

  refusal(call: Call, ticket: number): SwitchgearError {
    if (ticket !== -7) this.#problem(`was asked for the refusal of ticket ${ticket}`)
    return new SwitchgearError('SG_TEST', `${call.name}: ${this.name} refuses`, { policy: this.name, refusal: true })
  }

  settle(call: Call, number: number, outcome: Outcome, error?: unknown): void {
    this.journal.lines.push(`settle ${this.name} ${outcome}`)
    this.errors.push(error)
    const ticket = this.#ticket(call, number)
    if (ticket === undefined) return
    const { settled } = ticket
    const isBrokenBody = settled.length === 1 && settled[0] === 'success' && outcome === 'failure'
    if (ticket.exited) this.#problem(`settled ticket ${number} after its exit`)
    if (settled.length > 0 && !isBrokenBody) this.#problem(`settled ticket ${number} twice: ${settled} ${outcome}`)
    settled.push(outcome)
  }

  exit(call: Call, number: number): void {
    this.journal.lines.push(`exit ${this.name}`)
    const ticket = this.#ticket(call, number)
    if (ticket === undefined) return
    if (ticket.exited) this.#problem(`exited ticket ${number} twice`)
    if (ticket.settled.length === 0) this.#problem(`exited ticket ${number} without a settle`)
    ticket.exited = true
    const open = this.journal.open.get(ticket.key) ?? []
    if (open.at(-1) !== this.#id(number)) this.#problem(`exited ${this.#id(number)} before what is inside it: ${open}`)
    const rest = open.filter((id) => id !== this.#id(number))
    this.journal.open.set(ticket.key, rest)
  }

  #ticket(call: Call, number: number): Ticket | undefined {
    const ticket = this.#tickets[number]
    if (ticket === undefined) this.#problem(`does not know ticket ${number}`)
    else if (ticket.key !== (call.key ?? '')) this.#problem(`got ticket ${number} from another call`)
    return ticket
  }

  #id(number: number): string {
    return `${this.name}/${number}`
  }

  #problem(text: string): void {
    this.journal.problems.push(`${this.name} ${text}`)
  }
}

/** A recorder whose calls are interchangeable, so that the kernel may settle them with a call that stands for all. */
export class Counter implements Gate {
  readonly kind = 'gate'
  readonly ignoresCall = true
  readonly name = 'counter'
  entered = 0
  exited = 0
  readonly learned: Outcome[] = []

  get inFlight(): number {
    return this.entered - this.exited
  }

  enter(): number {
    this.entered++
    return 0
  }

  refusal(): SwitchgearError {
    throw new Error('a counter refuses nothing')
  }

  settle(_call: Call, _ticket: number, outcome: Outcome): void {
    this.learned.push(outcome)
  }

  exit(): void {
    this.exited++
  }
}
