// One row of the tables of policy metrics: a name and how to read its numbers from a policy. Invariant: a number that adds up
// (counts, calls under way) is one series per service, whatever number of policies of the kind it has; one that does not (a
// limit, a delay, a balance) also has the name of its policy. No key, URL or message is ever a label.
import type { NumberFamily, NumberSeries } from '../family.ts'
import { type Kind, type Of, PipelinesReading, type SnapshotSource } from './pipelines-reading.ts'

/** A family without its source. */
export type PolicyFamily = Omit<NumberFamily, 'series'> & {
  readonly series: (reading: PipelinesReading) => Iterable<NumberSeries>
}

type Combine = (one: number, other: number) => number
/** Values of the second label with their numbers; undefined where there is none at this moment. */
type Parts = Iterable<readonly [label: string, value: number | undefined]>

const add: Combine = (one, other) => one + other

/** Makes a row a family that is read from `source` at each scrape. */
export function familyOf({ series, ...head }: PolicyFamily, source: SnapshotSource): NumberFamily {
  return { ...head, series: (scrape) => series(PipelinesReading.of(scrape, source)) }
}

/** A counter, added up over the policies of a service. */
export function total<K extends Kind>(
  kind: K,
  name: string,
  help: string,
  count: (policy: Of<K>) => number,
): PolicyFamily {
  return { ...head('counter', name, help), series: (reading) => byService(reading, kind, count, add) }
}

/** A gauge by service. `combine` says what several policies of the service come to; they are added unless it is given. */
export function amount<K extends Kind>(
  kind: K,
  name: string,
  help: string,
  read: (policy: Of<K>) => number,
  combine: Combine = add,
): PolicyFamily {
  return { ...head('gauge', name, help), series: (reading) => byService(reading, kind, read, combine) }
}

/** A gauge by service and policy. Policies of one name in one service share a series; `combine` is the greatest unless given. */
export function each<K extends Kind>(
  kind: K,
  name: string,
  help: string,
  read: (policy: Of<K>) => number | undefined,
  combine: Combine = Math.max,
): PolicyFamily {
  const parts = (policy: Of<K>): Parts => [[policy.name, read(policy)]]
  return { ...head('gauge', name, help, 'policy'), series: (reading) => byLabel(reading, kind, parts, combine) }
}

/** A counter (or gauge) that is divided by a second label, added up over the policies of a service. */
export function divided<K extends Kind>(
  kind: K,
  name: string,
  help: string,
  label: string,
  read: (policy: Of<K>) => Readonly<Record<string, number>>,
  type: 'counter' | 'gauge' = 'counter',
): PolicyFamily {
  const parts = (policy: Of<K>): Parts => Object.entries(read(policy))
  return { ...head(type, name, help, label), series: (reading) => byLabel(reading, kind, parts, add) }
}

function head(type: 'counter' | 'gauge', name: string, help: string, label?: string): Omit<PolicyFamily, 'series'> {
  const unit = /_(seconds|ratio)$/.exec(name)?.[1]
  return { name, help, type, unit, labelNames: label === undefined ? ['service'] : ['service', label] }
}

function* byService<K extends Kind>(
  reading: PipelinesReading,
  kind: K,
  read: (policy: Of<K>) => number,
  combine: Combine,
): Generator<NumberSeries> {
  for (const { service, policies } of reading.holders(kind)) {
    yield { labels: [service], value: policies.map(read).reduce(combine) }
  }
}

function* byLabel<K extends Kind>(
  reading: PipelinesReading,
  kind: K,
  parts: (policy: Of<K>) => Parts,
  combine: Combine,
): Generator<NumberSeries> {
  for (const { service, policies } of reading.holders(kind)) {
    const values = new Map<string, number>()
    for (const policy of policies) {
      for (const [label, value] of parts(policy)) {
        if (value === undefined) continue
        const known = values.get(label)
        values.set(label, known === undefined ? value : combine(known, value))
      }
    }
    for (const [label, value] of values) yield { labels: [service, label], value }
  }
}
