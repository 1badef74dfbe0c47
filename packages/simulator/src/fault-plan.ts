// What goes wrong in a scenario, checked, and when: faults and bursts of load merged to the outages of the result.
import { parseDuration } from '@switchgear/core'
import { check, checkCount, checkKeys, checkList, checkName, checkNumber } from './check.ts'
import type { LoadPlan } from './load-plan.ts'
import type { Fault, FaultModel } from './model.ts'

/** A fault as instances suffer it: `trickles` has its `holdMs`, the rest is as in the model. */
export type Affliction = Exclude<Fault, { readonly kind: 'trickles' }> | { readonly kind: 'trickles'; holdMs: number }

/** One fault, checked; `service` is an index in the plan's services, `instances` the number of the first ones that have it. */
export interface FaultPlan {
  readonly service: number
  readonly affliction: Affliction
  readonly atMs: number
  readonly untilMs: number
  readonly instances: number
  readonly everyMs: number | undefined
  /** For a person. */
  readonly what: string
}

/** A stretch in which something was wrong. */
export interface Outage {
  readonly fromMs: number
  readonly toMs: number
  readonly what: string
}

interface Afflicted {
  readonly name: string
  readonly instances: number
}

const kinds = ['dies', 'hangs', 'slows', 'fails', 'trickles']

/** Checks all faults. */
export function planFaults(
  faults: readonly FaultModel[],
  services: readonly Afflicted[],
  path: string,
): readonly FaultPlan[] {
  checkList(faults, path)
  return faults.map((fault, index) => planFault(fault, services, `${path}[${index}]`))
}

function planFault(model: FaultModel, services: readonly Afflicted[], path: string): FaultPlan {
  checkKeys(model, ['service', 'fault', 'at', 'for', 'instances', 'every'], path)
  const names = services.map(({ name }) => name)
  checkName(model.service, names, `${path}.service`)
  const service = names.indexOf(model.service)
  const all = services[service]?.instances ?? 1
  const given = model.instances ?? all
  checkNumber(given, `${path}.instances`, 0, all)
  check(given > 0, `${path}.instances`, 'above 0', given)
  if (given >= 1) checkCount(given, `${path}.instances`, 1, all)
  const instances = given < 1 ? Math.ceil(given * all) : given
  const atMs = parseDuration(model.at, `${path}.at`)
  const affliction = afflictionOf(model.fault, `${path}.fault`)
  const part = instances === all ? '' : ` (${instances} of ${all})`
  return {
    service,
    instances,
    affliction,
    atMs,
    untilMs: atMs + parseDuration(model.for, `${path}.for`, 1),
    everyMs: model.every === undefined ? undefined : parseDuration(model.every, `${path}.every`, 1),
    what: `${model.service} ${model.every === undefined ? '' : 'flaps, '}${affliction.kind}${part}`,
  }
}

function afflictionOf(fault: Fault, path: string): Affliction {
  const keys = { dies: [], hangs: [], slows: ['factor'], fails: ['ratio'], trickles: ['hold'] }
  checkKeys(fault, ['kind', 'factor', 'ratio', 'hold'], path)
  checkName(fault.kind, kinds, `${path}.kind`)
  checkKeys(fault, ['kind', ...keys[fault.kind]], path)
  if (fault.kind === 'slows') checkNumber(fault.factor, `${path}.factor`, 0, 1_000_000)
  if (fault.kind === 'fails') checkNumber(fault.ratio, `${path}.ratio`, 0, 1)
  if (fault.kind !== 'trickles') return fault
  return { kind: 'trickles', holdMs: parseDuration(fault.hold, `${path}.hold`) }
}

/** All faults, and the bursts that raise the load, in order and merged where they touch. */
export function outagesOf(faults: readonly FaultPlan[], loads: readonly LoadPlan[], durationMs: number): Outage[] {
  const spans = faults.map(({ atMs, untilMs, what }) => ({ fromMs: atMs, toMs: untilMs, what: [what] }))
  for (const { levels } of loads) {
    for (const [index, { atMs, factor }] of levels.entries()) {
      const toMs = levels[index + 1]?.atMs ?? durationMs
      if (factor > 1) spans.push({ fromMs: atMs, toMs, what: [`load x${factor}`] })
    }
  }
  const merged: typeof spans = []
  for (const span of spans.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const toMs = Math.min(span.toMs, durationMs)
    const last = merged.at(-1)
    if (span.fromMs >= toMs) continue
    if (last === undefined || last.toMs < span.fromMs) merged.push({ ...span, toMs })
    else merged[merged.length - 1] = { ...last, toMs: Math.max(last.toMs, toMs), what: [...last.what, ...span.what] }
  }
  return merged.map(({ fromMs, toMs, what }) => ({ fromMs, toMs, what: [...new Set(what)].join(', ') }))
}
