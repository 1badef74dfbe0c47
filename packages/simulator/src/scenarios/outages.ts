// One thing goes wrong with one service: the built-in scenarios that each called service has. All last two minutes, with the
// trouble from 20 s to 70 s, so that noticing it, living with it and coming back are all to be seen.
import type { Fault, ScenarioModel } from '../model.ts'
import { type Called } from './surroundings.ts'

const during = Object.freeze({ at: '20s', for: '50s' })
const duration = '120s'

/** The scenarios of one service, by what happens to it. */
export function outagesOf(called: Called): Readonly<Record<string, ScenarioModel>> {
  const { name } = called
  const all = (fault: Fault): Pick<ScenarioModel, 'duration' | 'faults'> => ({
    duration,
    faults: [{ service: name, fault, ...during }],
  })
  return {
    dies: {
      title: `${name} dies`,
      reason: 'Connections are refused at once. The easy case: errors are quick, and what hurts is retrying them.',
      ...all({ kind: 'dies' }),
    },
    hangs: {
      title: `${name} hangs`,
      reason:
        'Connections are accepted and nothing is answered. Without a timeout every caller waits until it has no slot left.',
      ...all({ kind: 'hangs' }),
    },
    slows: {
      title: `${name} becomes ten times as slow`,
      reason: 'A grey failure: every answer is good and late, so whoever counts errors sees nothing.',
      ...all({ kind: 'slows', factor: 10 }),
    },
    flaps: {
      title: `${name} dies and comes back every 5 s`,
      reason: 'A crash loop. A breaker that closes at the first good answer opens again and again.',
      duration,
      faults: [{ service: name, fault: { kind: 'dies' }, every: '5s', ...during }],
    },
    'half-dies': halfDies(called),
    'one-bad-of-ten': {
      title: `one of ten instances of ${name} fails every request`,
      reason:
        'A tenth of the calls fails. A retry on another instance hides it; opening the circuit would make it worse.',
      duration,
      services: { [name]: { instances: 10 } },
      faults: [{ service: name, fault: { kind: 'fails', ratio: 1 }, instances: 1, ...during }],
    },
    trickles: trickles(called),
  }
}

function halfDies({ name, plan }: Called): ScenarioModel {
  const instances = Math.max(2, plan.instances)
  return {
    title: `half of the instances of ${name} die`,
    reason: 'Half of the calls is refused and the other half is well; the rest of the instances must bear all of it.',
    duration,
    services: { [name]: { instances } },
    faults: [{ service: name, fault: { kind: 'dies' }, instances: Math.floor(instances / 2), ...during }],
  }
}

/** Held so long that twice the slots would be needed. */
function trickles({ name, plan, rate }: Called): ScenarioModel {
  const holdMs = Math.ceil((2000 * plan.instances * plan.concurrency) / Math.max(rate, 0.1))
  return {
    title: `clients of ${name} read slowly`,
    reason: 'A slow client keeps its slot long after the answer. The service is well and has no room for anybody.',
    duration,
    faults: [{ service: name, fault: { kind: 'trickles', hold: holdMs }, ...during }],
  }
}
