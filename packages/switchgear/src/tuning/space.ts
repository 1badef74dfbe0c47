// What can be turned in a list of policies, and the list that a point of that space stands for. It turns thresholds only: no
// policy is added, taken away or moved, and an option that it does not know stays as it was written. Pure.
import { parseDuration, type PolicySpec } from '@switchgear/core'
import { dialOf } from './dial.ts'
import { durationText, type Knob } from './knob.ts'

/** A place for each knob, each in [0, 1]. */
export type Point = readonly number[]

/** The settings of a list of policies. */
export interface Space {
  readonly names: readonly string[]
  /** The policies as they are. */
  readonly present: Point
  /** The policies of a point. Different points may stand for the same. */
  readonly policies: (point: Point) => readonly PolicySpec[]
  /** Points worth a first look, given the latency that is aimed at. */
  readonly guesses: (latencyMs: number | undefined) => readonly Point[]
}

/**
 * The space around `policies`, outermost first.
 *
 * @example
 * const space = spaceOf(standardPolicies)
 * space.policies(space.present) // the same policies, rounded
 */
export function spaceOf(policies: readonly PolicySpec[]): Space {
  const dials = policies.map(dialOf)
  const knobs = dials.flatMap((dial, index) =>
    dial.knobs.map((knob) => ({ ...knob, name: `policies[${index}].${knob.name}` })),
  )
  const present = dials.flatMap((dial) => dial.knobs.map((knob, index) => knob.place(dial.present[index])))
  return {
    names: knobs.map(({ name }) => name),
    present,
    policies(point) {
      let used = 0
      const written = dials.map((dial) => {
        const places = point.slice(used, (used += dial.knobs.length))
        return dial.write(dial.knobs.map((knob, index) => knob.value(places[index] ?? 0)))
      })
      return nested(written)
    },
    guesses: (latencyMs) => [1, 2].map((attempts) => guess(knobs, present, policies, attempts, latencyMs)),
  }
}

/** A timeout that is not shorter than one outside of it would never pass first, so the outer ones are lengthened. */
function nested(policies: readonly PolicySpec[]): PolicySpec[] {
  let leastMs = 0
  return policies
    .toReversed()
    .map((spec) => {
      if (!('timeout' in spec)) return spec
      const { timeout } = spec
      const ms = parseDuration(typeof timeout === 'object' ? timeout.after : timeout, 'timeout')
      const chosen = ms > leastMs ? ms : Number((leastMs * 1.2).toPrecision(2))
      leastMs = chosen
      const after = durationText(chosen)
      return { timeout: typeof timeout === 'object' ? { ...timeout, after } : after }
    })
    .toReversed()
}

/** What experience says: fail fast within the latency aimed at, see slowness, probe soon, come back in a ramp. */
function guess(
  knobs: readonly Knob[],
  present: Point,
  policies: readonly PolicySpec[],
  attempts: number,
  latencyMs: number = 1000,
): Point {
  const retried = policies.some((spec) => 'retry' in spec) ? attempts : 1
  const attemptMs = (latencyMs * 0.9) / retried
  const innermost = policies.findLastIndex((spec) => 'timeout' in spec)
  const wanted: Readonly<Record<string, unknown>> = {
    'retry.maxAttempts': attempts,
    'retry.delay': Math.max(5, attemptMs / 10),
    'circuitBreaker.byRatio': true,
    'circuitBreaker.failureRatio': 0.5,
    'circuitBreaker.bySlowness': true,
    'circuitBreaker.slowCallRatio': 0.5,
    'circuitBreaker.slowCallDuration': attemptMs * 0.8,
    'circuitBreaker.window': '5s',
    'circuitBreaker.openFor': '2s',
    'circuitBreaker.ramps': true,
    'circuitBreaker.rampFor': '3s',
  }
  return knobs.map((knob, index) => {
    const [, place, option = ''] = /^policies\[(\d+)\]\.(.+)$/.exec(knob.name) ?? []
    if (option === 'timeout') return knob.place(Number(place) === innermost ? attemptMs : latencyMs * 0.95)
    return option in wanted ? knob.place(wanted[option]) : (present[index] ?? 0)
  })
}
