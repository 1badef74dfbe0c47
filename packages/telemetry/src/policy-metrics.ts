// What the policies of a registry have counted, as Prometheus series by service. Everything is read from one snapshot per
// scrape; nothing listens and nothing is kept, so a scrape nobody makes costs nothing.
// Invariant: a service shows a series if and only if its pipeline is registered and holds such a policy.
import type { CircuitState, PipelineSnapshot, PolicySnapshot, RegistrySnapshot } from '@switchgear/core'
import { Counter, Gauge, type Registry as PromRegistry } from 'prom-client'

/** Where the numbers come from: a registry of pipelines. */
export interface SnapshotSource {
  snapshot(): RegistrySnapshot
}

/** One metric: how to read its value from a pipeline, or undefined where the pipeline holds nothing of the kind. */
interface Reading {
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter'
  readonly read: (pipeline: PipelineSnapshot) => number | undefined
}

type Kind = PolicySnapshot['policy']
type Of<K extends Kind> = Extract<PolicySnapshot, { readonly policy: K }>

/** From harmless to bad, with the number that stands for each. */
const badness: Readonly<Record<CircuitState, { readonly rank: number; readonly value: number }>> = {
  closed: { rank: 0, value: 0 },
  disabled: { rank: 0, value: 0 },
  'half-open': { rank: 1, value: 2 },
  open: { rank: 2, value: 1 },
  isolated: { rank: 2, value: 1 },
}

const readings: readonly Reading[] = [
  {
    name: 'circuit_breaker_state',
    help: "Worst state of the service's circuit breakers: 0 closed or disabled, 1 open or isolated, 2 half-open.",
    type: 'gauge',
    read: (pipeline) => {
      const states = of('circuitBreaker', pipeline).map(({ state }) => badness[state])
      return states.toSorted((a, b) => b.rank - a.rank)[0]?.value
    },
  },
  {
    name: 'circuit_breaker_isolated',
    help: 'Circuit breakers of the service that an operator has isolated.',
    type: 'gauge',
    read: sum('circuitBreaker', ({ state }) => Number(state === 'isolated')),
  },
  {
    name: 'circuit_breaker_disabled',
    help: 'Circuit breakers of the service that an operator has disabled.',
    type: 'gauge',
    read: sum('circuitBreaker', ({ state }) => Number(state === 'disabled')),
  },
  {
    name: 'circuit_breaker_failures_total',
    help: "Failed calls seen by the service's circuit breakers.",
    type: 'counter',
    read: sum('circuitBreaker', ({ totals }) => totals.failures),
  },
  {
    name: 'circuit_breaker_rejections_total',
    help: "Calls refused by the service's circuit breakers.",
    type: 'counter',
    read: sum('circuitBreaker', ({ totals }) => totals.rejections),
  },
  {
    name: 'switchgear_retries_total',
    help: 'Attempts after the first.',
    type: 'counter',
    read: sum('retry', ({ totals }) => totals.retries),
  },
  {
    name: 'switchgear_timeouts_total',
    help: 'Calls and attempts ended by a timeout.',
    type: 'counter',
    read: sum('timeout', ({ totals }) => totals.timeouts),
  },
  {
    name: 'switchgear_bulkhead_in_flight',
    help: "Calls inside the service's bulkheads.",
    type: 'gauge',
    read: sum('bulkhead', ({ inFlight }) => inFlight),
  },
  {
    name: 'switchgear_bulkhead_queued',
    help: "Calls waiting for a slot of the service's bulkheads.",
    type: 'gauge',
    read: sum('bulkhead', ({ queued }) => queued),
  },
  {
    name: 'switchgear_bulkhead_rejections_total',
    help: "Calls refused by the service's bulkheads.",
    type: 'counter',
    read: sum('bulkhead', ({ totals }) => totals.rejections),
  },
]

/** Registers the metrics of every policy; the values are read when `registry` is scraped. */
export function policyMetrics(source: SnapshotSource, registry: PromRegistry): void {
  const snapshot = oncePerTurn(() => source.snapshot())
  for (const reading of readings) {
    if (reading.type === 'gauge') gauge(reading, snapshot, registry)
    else counter(reading, snapshot, registry)
  }
}

function gauge({ name, help, read }: Reading, snapshot: () => RegistrySnapshot, registry: PromRegistry): void {
  const metric: Gauge<'service'> = new Gauge({
    name,
    help,
    labelNames: ['service'],
    registers: [registry],
    collect: () => {
      // Emptied first: the series of a service that is gone must not stay at its last value.
      metric.reset()
      for (const pipeline of snapshot().pipelines) {
        const value = read(pipeline)
        if (value !== undefined) metric.set({ service: pipeline.name }, value)
      }
    },
  })
}

function counter({ name, help, read }: Reading, snapshot: () => RegistrySnapshot, registry: PromRegistry): void {
  const metric: Counter<'service'> = new Counter({
    name,
    help,
    labelNames: ['service'],
    registers: [registry],
    collect: () => {
      // The policies keep the totals; this only shows them, so it starts from nothing at every scrape.
      metric.reset()
      for (const pipeline of snapshot().pipelines) {
        const value = read(pipeline)
        if (value !== undefined) metric.inc({ service: pipeline.name }, value)
      }
    },
  })
}

/** A scrape collects all metrics in one turn. They share a snapshot, so that they agree and it is taken once. */
function oncePerTurn<T>(take: () => T): () => T {
  let taken: { readonly value: T } | undefined
  return () => {
    if (taken === undefined) {
      taken = { value: take() }
      queueMicrotask(() => (taken = undefined))
    }
    return taken.value
  }
}

function of<K extends Kind>(kind: K, pipeline: PipelineSnapshot): Of<K>[] {
  return pipeline.policies.filter((policy): policy is Of<K> => policy.policy === kind)
}

/** Adds up over the policies of one kind; undefined when there is none. */
function sum<K extends Kind>(kind: K, count: (policy: Of<K>) => number): Reading['read'] {
  return (pipeline) => {
    const found = of(kind, pipeline)
    return found.length === 0 ? undefined : found.reduce((total, policy) => total + count(policy), 0)
  }
}
