import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultModel, play, type PlayOptions, scenariosOf, type SimulationModel } from '@switchgear/simulator'

const good = defaultModel(['payments'])

/** What is wrong with a model, by the message that says so. */
const wrong: readonly (readonly [RegExp, unknown])[] = [
  [
    /^simulation\.services\.app\.calls\[0\]\.to must be one of app, payments, got 'payment'$/,
    {
      services: { app: { calls: [{ to: 'payment' }] }, payments: {} },
    },
  ],
  [
    /^simulation\.services\.payments\.calls\[0\]\.to closes a circle: app -> payments -> app$/,
    {
      services: { app: { calls: [{ to: 'payments' }] }, payments: { calls: [{ to: 'app' }] } },
    },
  ],
  [
    /^simulation\.services\.app\.instances must be a whole number in \[1, 100000\], got -1$/,
    {
      services: { app: { instances: -1 } },
    },
  ],
  [
    /^simulation\.services\.app\.failureRatio must be a number in \[0, 1\], got 50$/,
    {
      services: { app: { failureRatio: 50 } },
    },
  ],
  [
    /^simulation\.services\.app\.latncy is not known; known are instances, latency/,
    { services: { app: { latncy: 1 } } },
  ],
  [/^simulation\.services\.app\.latency must be a duration/, { services: { app: { latency: '20 ms' } } }],
  [
    /^simulation\.services\.app\.latency must be a duration, \{ median, p99 \}/,
    {
      services: { app: { latency: { median: 1 } } },
    },
  ],
  [
    /^simulation\.services\.app\.latency\.p99 must be at least the median/,
    {
      services: { app: { latency: { median: 10, p99: 5 } } },
    },
  ],
  [
    /^simulation\.services\.app\.calls\[0\]\.probability must be a number in \[0, 1\], got 2$/,
    {
      services: { app: { calls: [{ to: 'payments', probability: 2 }] }, payments: {} },
    },
  ],
  [/^simulation\.load must be a list of at least one load/, { load: [] }],
  [/^simulation\.load\[0\]\.to must be one of app, payments, got 'web'$/, { load: [{ to: 'web', rate: 1 }] }],
  [/^simulation\.load\[0\] must be a load with either rate or users/, { load: [{ to: 'app', rate: 1, users: 1 }] }],
  [/^simulation\.load\[0\] must be a load with either rate or users/, { load: [{ to: 'app' }] }],
  [/^simulation\.load\[0\]\.rate must be a number >= 0|in \[0/, { load: [{ to: 'app', rate: -5 }] }],
  [
    /^simulation\.load\[0\]\.bursts\[0\]\.at must be a duration/,
    {
      load: [{ to: 'app', rate: 1, bursts: [{ at: 'soon', for: 1, factor: 2 }] }],
    },
  ],
]

for (const [message, parts] of wrong) {
  test(`refused: ${String(message).slice(2, 70)}`, async () => {
    const model = { ...good, ...(parts as object) } as SimulationModel
    const refused = { code: 'SG_BAD_OPTIONS', message }
    await assert.rejects(play({ model, scenario: {} }), refused)
    assert.throws(() => scenariosOf(model), refused)
  })
}

const fault = { service: 'payments', fault: { kind: 'dies' }, at: 0, for: 1 }
const wrongScenarios: readonly (readonly [RegExp, unknown])[] = [
  [/^scenario 'payments-explodes' is not known; known are payments-dies, /, 'payments-explodes'],
  [/^scenario\.faults\[0\]\.service must be one of/, { faults: [{ ...fault, service: 'nobody' }] }],
  [/^scenario\.faults\[0\]\.fault\.kind must be one of dies/, { faults: [{ ...fault, fault: { kind: 'burns' } }] }],
  [
    /^scenario\.faults\[0\]\.fault\.factor is not known/,
    { faults: [{ ...fault, fault: { kind: 'dies', factor: 2 } }] },
  ],
  [/^scenario\.faults\[0\]\.fault\.ratio must be a number/, { faults: [{ ...fault, fault: { kind: 'fails' } }] }],
  [/^scenario\.faults\[0\]\.instances must be a number in \[0, 2\], got 3$/, { faults: [{ ...fault, instances: 3 }] }],
  [/^scenario\.faults\[0\]\.instances must be above 0/, { faults: [{ ...fault, instances: 0 }] }],
  [/^scenario\.duration must be a duration of at least 1000 ms/, { duration: 10 }],
  [/^scenario\.services must be an object/, { services: 3 }],
]

for (const [message, scenario] of wrongScenarios) {
  test(`refused: ${String(message).slice(2, 70)}`, async () => {
    const played = play({ model: good, scenario: scenario as PlayOptions['scenario'] })
    await assert.rejects(played, { code: 'SG_BAD_OPTIONS', message })
  })
}

test('an own scenario is named by its place', async () => {
  const model = { ...good, scenarios: { mine: { faults: [{ ...fault, at: -1 }] } } } as unknown as SimulationModel
  await assert.rejects(
    play({ model, scenario: 'mine' }),
    /^SwitchgearError: simulation\.scenarios\.mine\.faults\[0\]\.at/,
  )
})

test('bad policies are told before anything is played', async () => {
  const policies = { payments: { policies: [{ timeout: 'soon' }] } }
  await assert.rejects(play({ model: good, scenario: 'payments-dies', policies }), /policies\[0\]: timeout\.after/)
})

test('a scenario lays its services over those of the model, key by key', async () => {
  const model: SimulationModel = {
    services: { app: { latency: '5ms', instances: 3 } },
    load: [{ to: 'app', rate: 100 }],
  }
  const { totals } = await play({ model, scenario: { duration: '2s', services: { app: { instances: 1 } } } })
  assert.equal(totals.latency.max, 5)
})
