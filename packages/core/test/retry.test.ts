// The retry: what is tried again and when, what never is, and what the caller gets in the end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Call,
  circuitBreaker,
  classifyHttp,
  type Classifier,
  failure,
  finalFailure,
  ignored,
  pipeline,
  type PolicyEvent,
  retry,
  retryBudget,
  type RetryOptions,
  success,
  SwitchgearError,
  timeout,
} from '../src/index.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { Recorder } from './recorder.ts'
import { codeOf, hang, watch } from './watch.ts'

/** Fails with what `errors` holds, one a try, and then answers 'recovered'. */
function failing(...errors: unknown[]): {
  run: (call: Call) => Promise<string>
  calls: Call[]
  at: number[]
  clock: VirtualClock
} {
  const clock = new VirtualClock()
  const calls: Call[] = []
  const at: number[] = []
  const run = async (call: Call): Promise<string> => {
    calls.push(call)
    at.push(clock.now())
    if (calls.length <= errors.length) throw errors[calls.length - 1]
    return 'recovered'
  }
  return { run, calls, at, clock }
}
const down = (count: number): Error[] => Array.from({ length: count }, (_, index) => new Error(`down ${index + 1}`))
const plain: RetryOptions = { delay: 10, backoff: 'constant', jitter: 0, budget: retryBudget({ minPerSecond: 1000 }) }

test('a failure is tried again until it succeeds; the last answer is the answer', async () => {
  const { run, at, clock } = failing(...down(2))
  const policy = retry({ ...plain, maxAttempts: 3 })
  const answer = watch(pipeline({ clock }, policy).execute(run), clock)
  await clock.advance(1000)
  assert.deepEqual([answer.result, answer.at, at, clock.pending], ['recovered', 20, [0, 10, 20], 0])
  assert.deepEqual(policy.snapshot().totals, { retries: 2, recovered: 1, exhausted: 0 })
})

test('maxAttempts counts the first try; then the caller gets the last failure itself', async () => {
  for (const maxAttempts of [1, 2, 3, 7]) {
    const errors = down(10)
    const { run, at, clock } = failing(...errors)
    const policy = retry({ ...plain, maxAttempts })
    const answer = watch(pipeline({ clock }, policy, circuitBreaker({ consecutiveFailures: 99 })).execute(run))
    await clock.advance(1000)
    assert.deepEqual([at.length, answer.result === errors[maxAttempts - 1]], [maxAttempts, true])
    const { retries, recovered } = policy.snapshot().totals
    assert.deepEqual([retries, recovered], [maxAttempts - 1, 0])
  }
})

test('a throw at once is tried again as well', async () => {
  const { run, clock } = failing()
  let first = true
  const answer = watch(
    pipeline({ clock }, retry(plain)).execute((call) => {
      if (!first) return run(call)
      first = false
      throw new Error('at once')
    }),
  )
  await clock.advance(10)
  assert.equal(answer.result, 'recovered')
})

const waits: [RetryOptions, number[]][] = [
  [{ backoff: 'constant', delay: '50ms' }, [50, 50, 50, 50]],
  [{ backoff: 'linear', delay: 50 }, [50, 100, 150, 200]],
  [{ backoff: 'exponential', delay: 50 }, [50, 100, 200, 400]],
  [{ backoff: 'exponential', delay: 50, maxDelay: 120 }, [50, 100, 120, 120]],
  [{ backoff: 'exponential', delay: 50, jitter: 0.5 }, [37.5, 75, 150, 300]],
  [{ backoff: 'decorrelated', delay: 50 }, [100, 175, 287.5, 456.25]],
  [{ delay: 0, backoff: 'constant' }, [0, 0, 0, 0]],
  [{ jitter: 0 }, [100, 200, 400, 800]],
]
for (const [options, expected] of waits) {
  test(`waits of ${JSON.stringify(options)} are ${expected.join(', ')} ms where chance is always a half`, async () => {
    const { run, clock } = failing(...down(4))
    const delays: number[] = []
    const policy = retry({ jitter: 0, ...options, maxAttempts: 5 })
    policy.events.subscribe((event) => event.type === 'retry' && delays.push(event.delayMs))
    const answer = watch(pipeline({ clock, random: () => 0.5 }, policy).execute(run), clock)
    await clock.advance(5000)
    assert.deepEqual([answer.result, delays], ['recovered', expected])
    assert.equal(
      answer.at,
      expected.reduce((sum, wait) => sum + wait),
    )
  })
}

test('every try has its number, its own start and a fresh signal', async () => {
  const clock = new VirtualClock()
  const calls: Call[] = []
  const guarded = pipeline({ clock }, retry({ ...plain, maxAttempts: 3 }), timeout(20))
  const answer = watch(
    guarded.execute((call) => {
      calls.push(call)
      void call.startedAt
      assert.equal(call.signal.aborted, false, 'the signal of a try that just begins')
      return call.attempt === 3 ? 'recovered' : hang()
    }),
  )
  await clock.advance(1000)
  assert.equal(answer.result, 'recovered')
  const seen = calls.map(({ attempt, startedAt, signal }) => [attempt, startedAt, signal.aborted])
  assert.deepEqual(seen, [
    [1, 0, true],
    [2, 30, true],
    [3, 60, false],
  ])
})

const verdicts: [string, Classifier, number][] = [
  ['a final failure', { ofError: () => finalFailure }, 1],
  ['an ignored error', { ofError: () => ignored }, 1],
  ['an error that is a success', { ofError: () => success }, 1],
  ['a failure', { ofError: () => failure }, 3],
]
for (const [label, classify, tries] of verdicts) {
  test(`${label} is tried ${tries === 1 ? 'once' : `${tries} times`}: retry believes the classifier`, async () => {
    const { run, calls, clock } = failing(...down(5))
    const policy = retry({ ...plain, maxAttempts: 3 })
    const answer = watch(pipeline({ clock, classify }, policy).execute(run))
    await clock.advance(1000)
    assert.deepEqual([answer.state, calls.length, policy.snapshot().totals.retries], ['rejected', tries, tries - 1])
  })
}

test('what the other side has not seen is tried again, whatever the call is', async () => {
  const { run, clock, calls } = failing(...down(2))
  const unsent: Classifier = { ofError: () => ({ ...failure, unsent: true }) }
  const answer = watch(pipeline({ clock, classify: unsent }, retry(plain)).execute(run, { idempotent: false }))
  await clock.advance(100)
  assert.deepEqual([answer.result, calls.length], ['recovered', 3])
})

test('a call that is not idempotent is tried once', async () => {
  const { run, calls, clock } = failing(...down(5))
  const answer = watch(pipeline({ clock }, retry(plain)).execute(run, { idempotent: false }))
  await clock.advance(1000)
  assert.deepEqual([answer.state, calls.length], ['rejected', 1])
})

const asking = (retryAfterMs: number): Classifier => ({ ofError: () => ({ ...failure, retryAfterMs }) })
const asked: [string, number, number][] = [
  ['lengthens the wait', 400, 400],
  ['does not shorten it', 3, 10],
  ['is cut to maxDelay', 60_000, 500],
  ['of no length changes nothing', 0, 10],
]
for (const [label, retryAfterMs, wait] of asked) {
  test(`what the other side asks for ${label}`, async () => {
    const { run, at, clock } = failing(...down(1))
    const guarded = pipeline({ clock, classify: asking(retryAfterMs) }, retry({ ...plain, maxDelay: 500 }))
    watch(guarded.execute(run))
    await clock.advance(100_000)
    assert.deepEqual(at, [0, wait])
  })
}

test('a retry that cannot finish before the deadline is not begun: the caller learns the failure at once', async () => {
  const table: [number, number][] = [
    [25, 3],
    [20, 2],
    [10, 1],
    [5, 1],
  ]
  for (const [ms, tries] of table) {
    for (const byTimeout of [true, false]) {
      const errors = down(9)
      const { run, at, clock } = failing(...errors)
      const policy = retry({ ...plain, maxAttempts: 9 })
      const guarded = byTimeout ? pipeline({ clock }, timeout(ms), policy) : pipeline({ clock }, policy)
      const answer = watch(guarded.execute(run, byTimeout ? {} : { deadline: ms }), clock)
      await clock.advance(1000)
      assert.deepEqual([at.length, answer.result, answer.at], [tries, errors[tries - 1], (tries - 1) * 10])
      assert.equal(policy.snapshot().totals.exhausted, 1)
    }
  }
})

test('a refusal by a policy of the pipeline is not repeated', async () => {
  const clock = new VirtualClock()
  const gate = new Recorder('gate')
  gate.refuses = () => true
  const policy = retry(plain)
  const answer = watch(pipeline({ clock }, policy, gate).execute(() => assert.fail('it ran')))
  await clock.advance(1000)
  assert.deepEqual([answer.code, (answer.result as Error).cause], ['SG_TEST', undefined])
  assert.deepEqual([gate.entered, policy.snapshot().totals], [0, { retries: 0, recovered: 0, exhausted: 0 }])
})

test('a circuit that opens between two tries ends the call with its refusal, whose cause is the last real failure', async () => {
  const errors = down(9)
  const { run, calls, clock } = failing(...errors)
  const breaker = circuitBreaker({ consecutiveFailures: 2 })
  const answer = watch(pipeline({ clock }, retry({ ...plain, maxAttempts: 9 }), breaker).execute(run), clock)
  await clock.advance(1000)
  const error = answer.result as SwitchgearError
  assert.deepEqual([error.code, answer.at, calls.length], ['SG_CIRCUIT_OPEN', 20, 2])
  assert.equal(error.cause, errors[1])
})

test('a shared error is not written to: another caller would read a failure that is not its own', async () => {
  const { run, clock } = failing(...down(9))
  const breaker = circuitBreaker({ consecutiveFailures: 2, sharedError: true })
  const guarded = pipeline({ clock }, retry({ ...plain, maxAttempts: 9 }), breaker)
  const answers = [watch(guarded.execute(run)), watch(guarded.execute(run))]
  await clock.advance(1000)
  const [one, two] = answers.map(({ result }) => result)
  assert.equal(codeOf(one), 'SG_CIRCUIT_OPEN')
  assert.equal(one, two)
  assert.ok(!((one as Error).cause instanceof Error))
})

interface Response {
  readonly status: number
  readonly headers?: Record<string, string>
}

test('values that the classifier calls failures are tried again, and discarded; the last one is the answer', async () => {
  const clock = new VirtualClock()
  const discarded: unknown[] = []
  const classify = { ...classifyHttp, discard: ({ status }: Response) => discarded.push(status) }
  const tries = async (...responses: Response[]): Promise<unknown> => {
    const policy = retry({ ...plain, maxAttempts: 3, maxDelay: 5000 })
    let made = 0
    const answer = watch(pipeline({ clock, classify }, policy).execute(() => responses[made++] ?? assert.fail()))
    await clock.advance(10_000)
    const { retries, recovered, exhausted } = policy.snapshot().totals
    return [(answer.result as Response).status, made, [retries, recovered, exhausted], discarded.splice(0)]
  }
  const [ok, bad, limited] = [{ status: 200 }, { status: 503 }, { status: 429, headers: { 'retry-after': '2' } }]
  assert.deepEqual(await tries(ok), [200, 1, [0, 0, 0], []])
  assert.deepEqual(await tries(bad, ok), [200, 2, [1, 1, 0], [503]])
  assert.deepEqual(await tries(bad, limited, { status: 404 }), [404, 3, [2, 1, 0], [503, 429]])
  assert.deepEqual(await tries(bad, bad, limited), [429, 3, [2, 0, 1], [503, 503]])
  assert.deepEqual(await tries({ status: 501 }), [501, 1, [0, 0, 0], []])
})

test('a refusal after a value that was a failure has that value as its cause', async () => {
  const clock = new VirtualClock()
  const breaker = circuitBreaker({ consecutiveFailures: 1 })
  const response = { status: 500 }
  const guarded = pipeline({ clock, classify: classifyHttp }, retry(plain), breaker)
  const answer = watch(guarded.execute(() => response))
  await clock.advance(100)
  assert.deepEqual([answer.code, (answer.result as Error).cause === response], ['SG_CIRCUIT_OPEN', true])
})

test('a try that timed out is tried again, and its late result is discarded', async () => {
  const clock = new VirtualClock()
  const discarded: unknown[] = []
  const each = timeout(20)
  const classify = { discard: (value: unknown) => discarded.push(value) }
  const late = Promise.withResolvers<string>()
  const answer = watch(
    pipeline({ clock, classify }, retry(plain), each).execute(({ attempt }) =>
      attempt === 1 ? late.promise : 'second',
    ),
    clock,
  )
  await clock.advance(30)
  assert.deepEqual([answer.result, answer.at], ['second', 30])
  late.resolve('first')
  await clock.advance(0)
  assert.deepEqual([discarded, each.snapshot().totals], [['first'], { timeouts: 1, abandoned: 1 }])
})

test('the gates outside a retry learn one outcome, those inside one a try', async () => {
  const { run, clock } = failing(...down(2))
  const [outside, inside] = [new Recorder('outside'), new Recorder('inside')]
  watch(pipeline({ clock }, outside, retry(plain), inside).execute(run))
  await clock.advance(100)
  assert.deepEqual([outside.learned, inside.learned], [['success'], ['failure', 'failure', 'success']])
})

test('a listener that aborts the call when it hears of a retry prevents that retry', async () => {
  const { run, calls, clock } = failing(...down(9))
  const controller = new AbortController()
  const policy = retry({ ...plain, maxAttempts: 9 })
  policy.events.subscribe((event) => event.type === 'retry' && event.attempt === 2 && controller.abort('enough'))
  const answer = watch(pipeline({ clock }, policy, circuitBreaker()).execute(run, { signal: controller.signal }), clock)
  await clock.advance(1000)
  assert.deepEqual([answer.result, answer.at, calls.length, clock.pending], ['enough', 10, 2, 0])
})

test('a retry is published with its attempt, wait and error', async () => {
  const errors = down(1)
  const { run, clock } = failing(...errors)
  const policy = retry({ ...plain, name: 'again' })
  const events: PolicyEvent[] = []
  policy.events.subscribe((event) => events.push(event))
  watch(pipeline({ clock, name: 'orders' }, policy).execute(run))
  await clock.advance(100)
  const expected = { type: 'retry', policy: 'again', pipeline: 'orders', attempt: 1, delayMs: 10, error: errors[0] }
  assert.deepEqual(events, [expected])
})

const bad: [unknown, RegExp][] = [
  [{ maxAttempts: 0 }, /retry\.maxAttempts must be a whole number >= 1, got 0/],
  [{ maxAttempts: 1.5 }, /got 1\.5/],
  [{ maxAttempts: '3' }, /retry\.maxAttempts .* got '3'/],
  [
    { backoff: 'fibonacci' },
    /retry\.backoff must be one of constant, linear, exponential, decorrelated, got 'fibonacci'/,
  ],
  [{ jitter: 1.1 }, /retry\.jitter must be in \[0, 1\], got 1\.1/],
  [{ jitter: '0.5' }, /got '0\.5'/],
  [{ delay: -1 }, /retry\.delay must be a duration of at least 0 ms.*got -1/],
  [{ maxDelay: 'long' }, /retry\.maxDelay .* got 'long'/],
  [{ attempts: 3 }, /retry\.attempts is not an option; known are name, maxAttempts/],
  [{ budget: { ratio: 0.1 } }, /retry\.budget/],
  [5, /retry must be an object of options, got 5/],
]
for (const [options, message] of bad) {
  test(`retry(${JSON.stringify(options)}) is refused with path, bound and value`, () => {
    const isOptionsError = (error: unknown): boolean =>
      codeOf(error) === 'SG_BAD_OPTIONS' && message.test((error as Error).message)
    assert.throws(() => retry(options as RetryOptions), isOptionsError)
  })
}
