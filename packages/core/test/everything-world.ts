// One run of a story on the virtual clock: the policies are made and listened to, calls come, functions behave as they were
// told, an operator meddles. While it runs what must never happen is noted; what must hold at the end stands in
// `everything-claims.ts`.
import { type Call, type CallOptions, CircuitBreaker, type Pipeline, pipeline, type Policy } from '../src/index.ts'
import { Answer, Cast, Down, type Run } from './everything-cast.ts'
import { type Act, type Behaviour, hangs, type Part, type PartOf, type Story } from './everything.ts'
import { Book } from './everything-books.ts'
import { Operator } from './everything-operator.ts'
import { turns, watch } from './watch.ts'

/** When a function ends that is much too late, and when the world has ended. */
const lateMs = 400
const endMs = 4000
/** By then whoever may hang for ever is ended by the caller. */
const patienceMs = 250

/** Everything of one run. */
export class World extends Cast {
  readonly parts: readonly Part[]
  readonly policies: readonly Policy[]
  readonly books: readonly Book[]
  readonly runs: Run[]
  /** What happened, in order: the same seed gives the same. */
  readonly trace: string[] = []
  readonly story: Story
  readonly #main: Pipeline<unknown>
  readonly #aside: Pipeline<unknown>
  readonly #operator: Operator
  /** When a listener aborted a call amid the doings of another one, which may have opened a circuit that it had passed. */
  #disturbedAt = -1

  constructor(story: Story) {
    const { parts, visits, seed } = story
    super(seed)
    this.story = story
    this.parts = parts
    this.policies = parts.map((part, index) => this.make(part, `${part.kind} ${index}`))
    this.books = this.policies.map((policy) => new Book(policy, this.problems))
    const options = { clock: this.clock, random: this.random, classify: this.classify }
    const [main, aside] = [this.policies, this.policies.slice(seed % parts.length)]
    this.#main = pipeline({ ...options, name: 'main' }, ...main) as Pipeline<unknown>
    this.#aside = pipeline({ ...options, name: 'aside' }, ...aside) as Pipeline<unknown>
    this.#operator = new Operator(this, this.#main)
    this.runs = visits.map((visit, index) => ({
      visit,
      index,
      controller: new AbortController(),
      runs: 0,
      startedAt: undefined,
      dueAt: Infinity,
      answer: undefined,
    }))
  }

  /** The parts around the function of this call. */
  readonly partsOf = ({ visit }: Run): readonly Part[] =>
    visit.aside ? this.parts.slice(this.story.seed % this.parts.length) : this.parts

  async play(): Promise<void> {
    const { clock, runs, story } = this
    for (const run of runs) {
      this.timer(() => this.#start(run), run.visit.startAt)
      const { abortAt, deadline } = run.visit
      const needed = deadline === undefined && hangs(this.parts) ? patienceMs : undefined
      if (abortAt !== undefined || needed !== undefined) this.timer(() => void this.#abort(run), abortAt ?? patienceMs)
    }
    for (const act of story.acts) this.timer(() => this.#act(act), act.at)
    for (const { policy } of this.books) policy.events?.subscribe((event) => this.#heard(policy.name, event.type))
    await clock.advance(endMs)
  }

  /** A listener may do anything: it aborts calls, the very one it hears of among them. */
  #heard(policy: string, type: string): void {
    this.trace.push(`${this.clock.now()} ${policy} ${type}`)
    const dice = Math.floor(this.random() * 60)
    const run = this.runs[dice % 30]
    if (run === undefined) return
    if (dice >= 30) return this.#startEarly(run)
    // While gates are being entered it waits a turn, since an abort in between lets go of the outer ones first.
    const abort = (): void => this.#noteAbort(run)
    if (type === 'rejected' || type === 'transition' || type === 'limit') queueMicrotask(abort)
    else {
      this.#disturbedAt = this.clock.now()
      abort()
    }
  }

  #noteAbort({ controller, index }: Run): void {
    this.trace.push(`${this.clock.now()} abort ${index}`)
    controller.abort(`abort ${index}`)
  }

  #act(act: Act): void {
    this.trace.push(`${this.clock.now()} ${act.act}`)
    this.#operator.act(act)
    for (const each of this.books) each.look()
  }

  /** When nobody waits any more, the kernel has no timer: neither now nor because it forgot to take it off. */
  async #checkIdle(): Promise<void> {
    await turns(30)
    const waits = this.runs.some(({ startedAt, answer }) => startedAt !== undefined && answer?.state === 'pending')
    // A shedder looks at the clock while it refuses, and a cache fetches in the background.
    if (waits || this.parts.some(({ kind }) => kind === 'shed' || kind === 'cache')) return
    const left = this.clock.pending - this.own
    if (left !== 0) this.problems.push(`${left} timers are left although nobody waits`)
  }

  /** From within a listener or a function: calls may begin amid anything. */
  #startEarly(run: Run): void {
    this.#disturbedAt = this.clock.now()
    this.#start(run)
  }

  async #abort(run: Run): Promise<void> {
    await turns(run.visit.turns)
    this.#noteAbort(run)
    await turns(3)
    if (run.answer?.state === 'pending' && this.#signalOf(run) !== undefined)
      this.problems.push(`call ${run.index} was not answered when it was aborted`)
  }

  /** Some calls cannot be ended by their caller, which is another path through the kernel. */
  #signalOf({ visit, controller, index }: Run): AbortSignal | undefined {
    const must = visit.deadline === undefined && hangs(this.parts)
    return visit.abortAt === undefined && !must && index % 2 === 0 ? undefined : controller.signal
  }

  #start(run: Run): void {
    if (run.startedAt !== undefined) return
    const { key, priority, idempotent, deadline, aside } = run.visit
    const startAt = (run.startedAt = this.clock.now())
    const signal = this.#signalOf(run)
    const options: CallOptions = { key, priority, idempotent, deadline, signal }
    const [outermost] = this.partsOf(run)
    const limit = outermost?.kind === 'timeout' ? this.#afterOf(outermost) : Infinity
    run.dueAt = Math.max(startAt, Math.min(startAt + limit, deadline ?? Infinity, run.visit.abortAt ?? Infinity))
    const bare = signal === undefined && deadline === undefined && priority === 1 && key === undefined && idempotent
    const guarded = aside ? this.#aside : this.#main
    const guardedFunction = (call: Call): unknown => this.#run(run, call)
    this.byFunction.set(guardedFunction, run)
    const answer = guarded.execute(guardedFunction, ...(bare ? [] : [options]))
    run.answer = watch(answer, this.clock)
    const told = (how: string, what: unknown): void => {
      if (what instanceof Answer) what.received++
      this.trace.push(`${this.clock.now()} call ${run.index} ${how} ${nameOf(what)}`)
      void this.#checkIdle()
    }
    answer.then(
      (value) => told('got', value),
      (error: unknown) => told('failed with', error),
    )
  }

  #afterOf(part: PartOf<'timeout'>): number {
    const policy = this.policies[this.parts.indexOf(part)] as { afterMs?: number }
    return policy.afterMs ?? Infinity
  }

  /** The guarded function. */
  #run(run: Run, call: Call): unknown {
    const { clock, problems } = this
    const { visit, index } = run
    this.trace.push(`${clock.now()} call ${index} runs`)
    const step = visit.behaviours[run.runs++ % visit.behaviours.length] as Behaviour
    if (isCut(call)) problems.push(`call ${index} ran although it had been cut off`)
    if (clock.now() > call.deadline) problems.push(`call ${index} ran after its deadline`)
    const { kinds, background } = this.#around(run)
    if (!background && run.answer !== undefined && run.answer.state !== 'pending')
      problems.push(`call ${index} ran although it had been answered`)
    if (!background && this.#signalOf(run)?.aborted === true)
      problems.push(`call ${index} ran although its caller had aborted it`)
    this.#checkCircuits(run, kinds)
    const end = (): unknown => {
      if (!isCut(call) && this.#isAbandoned(run, background))
        problems.push(`call ${index} was answered and its function was not aborted`)
      if (this.random() < 0.05) this.#startEarly(this.runs[(index + 1) % this.runs.length] as Run)
      if (['throw', 'final', 'later', 'throwAtOnce'].includes(step.result)) throw new Down(step.result)
      return step.result === 'nothing' ? undefined : this.answer(step.result, run)
    }
    if (step.ms === 0 || step.result === 'throwAtOnce') return end()
    return new Promise((resolve, reject) => {
      const timer = this.timer(() => resolve(Promise.resolve().then(end)), step.ms ?? lateMs)
      if (!step.obeys) return
      call.signal.addEventListener('abort', () => {
        timer.cancel()
        if (this.random() < 0.1) this.#startEarly(this.runs[(index + 2) % this.runs.length] as Run)
        reject(call.signal.reason)
      })
    })
  }

  /** Whether nobody waits for what it runs for: its caller, and those who may have joined it, have been answered. */
  #isAbandoned(run: Run, background: boolean): boolean {
    const { kinds } = this.#around(run)
    // What a cache fetches in the background is wanted by nobody, and goes on.
    if (background && kinds.includes('cache')) return false
    const { key } = run.visit
    const waiting = this.runs.filter((other) => other === run || (background && other.visit.key === key))
    return waiting.every(
      ({ startedAt, answer }) => startedAt === undefined || (answer !== undefined && answer.state !== 'pending'),
    )
  }

  /** What stands around a function, and whether it may run for somebody else than its own caller. */
  #around(run: Run): { kinds: readonly Part['kind'][]; background: boolean } {
    const kinds = this.partsOf(run).map(({ kind }) => kind)
    const keyed = run.visit.key !== undefined && run.visit.idempotent
    return { kinds, background: keyed && (kinds.includes('cache') || kinds.includes('coalesce')) }
  }

  /** Where nothing between a circuit and the function can hold the call up, it does not run while the circuit refuses. */
  #checkCircuits(run: Run, kinds: readonly Part['kind'][]): void {
    if (this.#disturbedAt === this.clock.now()) return
    const slow: readonly Part['kind'][] = ['chaos', 'retry', 'hedge']
    const from = kinds.findLastIndex((kind) => slow.includes(kind))
    for (const policy of this.policies.slice(this.policies.length - kinds.length + from + 1)) {
      if (!(policy instanceof CircuitBreaker)) continue
      const { state, mode } = policy.snapshot()
      if (mode === 'protect' && (state === 'open' || state === 'isolated'))
        this.problems.push(`call ${run.index} ran while ${policy.name} was ${state}`)
    }
  }
}

/** Asked without making a signal, which would be another path through the kernel. */
const isCut = (call: Call): boolean => (call as Call & { isCut: boolean }).isCut

/** For the trace. */
function nameOf(value: unknown): string {
  if (value instanceof Answer) return `${value.result} of ${value.visit.index}`
  if (value instanceof Error) return (value as { code?: string }).code ?? value.message
  return String(value)
}
