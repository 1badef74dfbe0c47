// The second face: a pipeline that is driven from outside. The order of enters, settles and exits, the tries that are
// granted, the deadlines, and what the gates outside the retry learn.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Attempt,
  circuitBreaker,
  failure,
  finalFailure,
  type Outcome,
  type Permit,
  pipeline,
  type PolicyEvent,
  type Rejection,
  retry,
  retryBudget,
  timeout,
} from '../src/index.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { Journal, Recorder } from './recorder.ts'
import { codeOf } from './watch.ts'

function admitted(answer: Permit | Rejection): Permit {
  if (answer.kind === 'rejection') throw answer.error
  return answer
}

function begun(permit: Permit): Attempt {
  const answer = permit.attempt()
  if (answer.kind === 'rejection') throw answer.error
  return answer
}

const plain = { delay: 10, backoff: 'constant', jitter: 0 } as const

/** out, a retry of three tries, and in. */
function driven(classes: { maxAttempts?: number } = {}): {
  clock: VirtualClock
  journal: Journal
  out: Recorder
  inside: Recorder
  admit: () => Permit
} {
  const clock = new VirtualClock()
  const journal = new Journal()
  const [out, inside] = [new Recorder('out', journal), new Recorder('in', journal)]
  const guarded = pipeline({ clock }, out, retry({ ...plain, ...classes }), inside)
  return { clock, journal, out, inside, admit: () => admitted(guarded.admit()) }
}

test('admit enters the gates outside the retry, attempt those inside; settle and exit close them in reverse', () => {
  const { journal, admit } = driven()
  const permit = admit()
  assert.equal(journal.lines.splice(0).join(', '), 'enter out')
  const attempt = begun(permit)
  assert.deepEqual([attempt.kind, attempt.number, journal.lines.splice(0).join(', ')], ['attempt', 1, 'enter in'])
  attempt.settle('success')
  assert.equal(journal.lines.splice(0).join(', '), 'settle in success, settle out success')
  assert.equal(attempt.exit(), undefined)
  assert.equal(journal.lines.splice(0).join(', '), 'exit in')
  permit.exit()
  assert.equal(journal.lines.splice(0).join(', '), 'exit out')
  assert.deepEqual(journal.problems, [])
})

test('several gates on each side are entered from outside and closed from inside', () => {
  const journal = new Journal()
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => new Recorder(name, journal)) as [
    Recorder,
    Recorder,
    Recorder,
    Recorder,
  ]
  const clock = new VirtualClock()
  const permit = admitted(pipeline({ clock }, a, timeout('2s'), b, retry(), c, timeout('1s'), d).admit())
  const attempt = begun(permit)
  attempt.settle('success')
  attempt.exit()
  permit.exit()
  const expected =
    'enter a, enter b, enter c, enter d, settle d success, settle c success, settle b success, settle a success, ' +
    'exit d, exit c, exit b, exit a'
  assert.deepEqual([journal.lines.join(', '), journal.problems, clock.pending], [expected, [], 0])
})

test('settle and exit are idempotent: nothing is learned or freed twice', () => {
  const { journal, out, inside, admit } = driven()
  const permit = admit()
  const attempt = begun(permit)
  attempt.settle('success')
  attempt.settle('success')
  attempt.settle('ignored')
  for (let time = 0; time < 3; time++) assert.equal(attempt.exit(), undefined)
  attempt.settle('failure')
  for (let time = 0; time < 3; time++) permit.exit()
  attempt.exit()
  assert.deepEqual([inside.learned, out.learned, journal.problems], [['success'], ['success'], []])
  assert.deepEqual([inside.inFlight, out.inFlight], [0, 0])
})

test('an exit without a settle is an ignored call, for the gates inside and outside', () => {
  const { journal, out, inside, admit } = driven()
  const permit = admit()
  assert.equal(begun(permit).exit(), undefined)
  permit.exit()
  assert.deepEqual([inside.learned, out.learned, journal.problems], [['ignored'], ['ignored'], []])
})

test('a permit that exits takes its open attempt with it; one without an attempt is ignored', () => {
  const { journal, out, inside, admit } = driven()
  const permit = admit()
  const attempt = begun(permit)
  permit.exit()
  attempt.settle('failure')
  assert.equal(attempt.exit(), undefined)
  assert.deepEqual([inside.learned, out.learned], [['ignored'], ['ignored']])
  admit().exit()
  assert.deepEqual([out.learned, journal.problems, journal.heldByAll], [['ignored', 'ignored'], [], 0])
})

test('using closes permit and attempt, in the right order', () => {
  const { journal, admit } = driven()
  {
    using permit = admit()
    using attempt = begun(permit)
    assert.equal(attempt.number, 1)
  }
  assert.deepEqual([journal.problems, journal.heldByAll], [[], 0])
  assert.equal(
    journal.lines.join(', '),
    'enter out, enter in, settle in ignored, settle out ignored, exit in, exit out',
  )
})

test('a failure after a success is one further failure, for the gates on both sides, until the exit', () => {
  const { journal, out, inside, admit } = driven()
  const permit = admit()
  const attempt = begun(permit)
  attempt.settle('success')
  attempt.settle('failure', new Error('the body broke'))
  attempt.settle('failure')
  assert.equal(attempt.exit(), undefined, 'a broken body is not tried again')
  attempt.settle('failure')
  permit.exit()
  assert.deepEqual(
    [inside.learned, out.learned],
    [
      ['success', 'failure'],
      ['success', 'failure'],
    ],
  )
  assert.deepEqual(journal.problems, [])
})

test('a body that breaks opens a circuit like any other failure', () => {
  const breaker = circuitBreaker({ consecutiveFailures: 1 })
  const guarded = pipeline({ clock: new VirtualClock() }, breaker)
  const permit = admitted(guarded.admit())
  const attempt = begun(permit)
  attempt.settle('success')
  assert.equal(breaker.state, 'closed')
  attempt.settle('failure', new Error('the body broke'))
  assert.equal(breaker.state, 'open')
  permit.exit()
  const { successes, failures } = breaker.snapshot().totals
  assert.deepEqual([successes, failures, codeOf((guarded.admit() as Rejection).error)], [1, 1, 'SG_CIRCUIT_OPEN'])
})

test('attempt.exit answers the wait before the next try, and undefined when there is none', () => {
  const { out, inside, admit } = driven({ maxAttempts: 3 })
  const permit = admit()
  for (const [number, wait] of [
    [1, 10],
    [2, 10],
    [3, undefined],
  ] as const) {
    const attempt = begun(permit)
    attempt.settle('failure', new Error(`down ${number}`))
    assert.deepEqual([attempt.number, attempt.exit(), attempt.exit()], [number, wait, wait])
  }
  permit.exit()
  assert.deepEqual([inside.learned, out.learned], [['failure', 'failure', 'failure'], ['failure']])
})

test('the gates outside learn the outcome that ends the call, exactly once, when it is known', () => {
  const { journal, out, admit } = driven()
  const permit = admit()
  const first = begun(permit)
  first.settle('failure')
  assert.deepEqual([out.learned, first.exit()], [[], 10], 'a further try was granted: nothing is decided yet')
  const second = begun(permit)
  second.settle('success')
  assert.deepEqual(out.learned, ['success'])
  second.exit()
  permit.exit()
  assert.deepEqual([out.learned, journal.problems], [['success'], []])
})

test('a call that is given up while a further try was granted is ignored outside', () => {
  const { journal, out, inside, admit } = driven()
  const permit = admit()
  const attempt = begun(permit)
  attempt.settle('failure')
  attempt.exit()
  permit.exit()
  assert.deepEqual([inside.learned, out.learned, journal.problems], [['failure'], ['ignored'], []])
})

const ungranted: [string, (permit: Permit) => void][] = [
  ['while one is open', (permit) => void begun(permit)],
  [
    'after a success',
    (permit) => {
      const attempt = begun(permit)
      attempt.settle('success')
      attempt.exit()
    },
  ],
  ['after an ignored one', (permit) => void begun(permit).exit()],
  [
    'after a final failure',
    (permit) => {
      const attempt = begun(permit)
      attempt.settle(finalFailure)
      attempt.exit()
    },
  ],
  ['after the exit of the permit', (permit) => permit.exit()],
]
for (const [label, prepare] of ungranted) {
  test(`an attempt ${label} was not granted and throws SG_BAD_OPTIONS`, () => {
    const { journal, admit } = driven()
    const permit = admit()
    prepare(permit)
    const lines = journal.lines.length
    assert.throws(() => permit.attempt(), { code: 'SG_BAD_OPTIONS' })
    assert.equal(journal.lines.length, lines, 'nothing was entered')
    permit.exit()
    assert.deepEqual([journal.heldByAll, journal.problems], [0, []])
  })
}

test('a gate outside that refuses is a rejection; what was entered before it is ignored and free', () => {
  const { journal, out } = driven()
  const second = new Recorder('second', journal)
  second.refuses = () => true
  const answer = pipeline(out, second).admit()
  assert.ok(answer.kind === 'rejection' && answer.error.code === 'SG_TEST')
  assert.equal(journal.lines.join(', '), 'enter out, refuse second, settle out ignored, exit out')
})

test('an attempt that is refused ends the call: a rejection whose cause is the last real failure', () => {
  const { journal, out, inside, admit } = driven()
  const permit = admit()
  const attempt = begun(permit)
  const down = new Error('down')
  attempt.settle('failure', down)
  assert.equal(attempt.exit(), 10)
  inside.refuses = () => true
  const refused = permit.attempt()
  assert.ok(refused.kind === 'rejection' && refused.error.code === 'SG_TEST' && refused.error.cause === down)
  assert.deepEqual(out.learned, ['ignored'])
  assert.throws(() => permit.attempt(), { code: 'SG_BAD_OPTIONS' })
  permit.exit()
  assert.deepEqual([out.learned, journal.problems, journal.heldByAll], [['ignored'], [], 0])
})

test('a first attempt that is refused has no cause of ours', () => {
  const { inside, admit } = driven()
  inside.refuses = () => true
  const refused = admit().attempt()
  assert.ok(refused.kind === 'rejection' && refused.error.cause === undefined)
})

test('whether a further try is granted: verdict, budget, Retry-After, idempotency and deadline are asked', () => {
  const clock = new VirtualClock()
  const grant = (
    options: Parameters<typeof retry>[0],
    call: object,
    ...settled: Parameters<Attempt['settle']>
  ): unknown => {
    const permit = admitted(pipeline({ clock }, retry({ ...plain, ...options })).admit(call))
    const attempt = begun(permit)
    attempt.settle(...settled)
    const wait = attempt.exit()
    permit.exit()
    return wait
  }
  assert.equal(grant({}, {}, 'failure'), 10)
  assert.equal(grant({}, {}, failure, new Error('down')), 10)
  assert.equal(grant({}, {}, finalFailure), undefined)
  assert.equal(grant({}, {}, 'ignored'), undefined)
  assert.equal(grant({}, {}, { ...failure, retryAfterMs: 700 }), 700)
  assert.equal(grant({ maxDelay: 300 }, {}, { ...failure, retryAfterMs: 700 }), 300)
  assert.equal(grant({}, { idempotent: false }, 'failure'), undefined)
  assert.equal(grant({}, { deadline: 10 }, 'failure'), undefined)
  assert.equal(grant({}, { deadline: 11 }, 'failure'), 10)
  assert.equal(grant({ budget: retryBudget({ ratio: 0, minPerSecond: 0 }) }, {}, 'failure'), undefined)
  assert.equal(grant({ maxAttempts: 1 }, {}, 'failure'), undefined)
})

test('both faces count alike', async () => {
  const clock = new VirtualClock()
  const policy = retry({ ...plain, maxAttempts: 2 })
  const events: PolicyEvent[] = []
  policy.events.subscribe((event) => events.push(event))
  const guarded = pipeline({ clock }, policy)
  const drive = (...outcomes: Outcome[]): void => {
    using permit = admitted(guarded.admit())
    for (const outcome of outcomes) {
      using attempt = begun(permit)
      attempt.settle(outcome)
    }
  }
  drive('success')
  drive('failure', 'success')
  drive('failure', 'failure')
  assert.deepEqual(policy.snapshot().totals, { retries: 2, recovered: 1, exhausted: 1 })
  assert.deepEqual(
    events.map(({ type }) => type),
    ['retry', 'retry'],
  )
})

test('timeouts are deadlines: the earliest outside bounds the permit, the earliest of all bounds an attempt', async () => {
  const clock = new VirtualClock({ now: 1000 })
  const stack = [timeout(500), timeout(300), retry(plain), timeout(200), timeout(90), circuitBreaker()] as const
  const guarded = pipeline({ clock }, ...stack)
  const deadlines = (deadline?: number): number[] => {
    const permit = admitted(guarded.admit({ deadline }))
    const answer = [permit.deadline, begun(permit).deadline]
    permit.exit()
    return answer
  }
  assert.deepEqual(deadlines(), [1300, 1090])
  assert.deepEqual(deadlines(1200), [1200, 1090])
  assert.deepEqual(deadlines(1050), [1050, 1050])
  const permit = admitted(guarded.admit())
  await clock.advance(250)
  assert.equal(begun(permit).deadline, 1300, 'a later attempt gets what is left')
  const unbounded = admitted(pipeline({ clock }, circuitBreaker()).admit())
  assert.deepEqual([unbounded.deadline, begun(unbounded).deadline, clock.pending], [Infinity, Infinity, 0])
})

test('a breaker that looks for slow calls times an attempt from its begin to its settle', async () => {
  const clock = new VirtualClock()
  const breaker = circuitBreaker({ slowCallRatio: 1, slowCallDuration: 100, minimumThroughput: 50 })
  const permit = admitted(pipeline({ clock }, retry(plain), breaker).admit())
  for (const ms of [100, 99]) {
    const attempt = begun(permit)
    await clock.advance(ms)
    attempt.settle('failure')
    await clock.advance(500)
    attempt.exit()
  }
  assert.equal(breaker.snapshot().totals.slow, 1)
})

test('a pipeline without retry grants one attempt, and its gates belong to the permit', () => {
  const gate = new Recorder('gate')
  const permit = admitted(pipeline({ clock: new VirtualClock() }, timeout('1s'), gate).admit())
  const attempt = begun(permit)
  attempt.settle('failure', new Error('down'))
  assert.deepEqual([attempt.exit(), gate.learned, gate.inFlight], [undefined, ['failure'], 1])
  permit.exit()
  assert.deepEqual([gate.inFlight, gate.journal.problems], [0, []])
})
