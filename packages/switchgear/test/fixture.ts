// A result made by hand: one minute, a service that dies from 20 s to 40 s, once guarded and once not.
import type { SimulationResult } from '@switchgear/simulator'

const steps = Array.from({ length: 60 }, (_, second) => second)
const during = (second: number): boolean => second >= 20 && second < 40

/** Guarded: the circuit opens after 2 s, probes at 32 s in vain, and closes at 43 s. */
export const guardedResult: SimulationResult = {
  version: 1,
  label: 'switchgear.yaml',
  scenario: 'payments-dies',
  title: 'payments refuses every connection for 20 s',
  seed: 1,
  durationMs: 60_000,
  outages: [{ fromMs: 20_000, toMs: 40_000, what: 'payments dies' }],
  totals: {
    offered: 6000,
    good: 3712,
    failed: 2288,
    refused: 2100,
    goodShare: 3712 / 6000,
    goodShareDuring: 0.004,
    goodShareAfter: 0.861,
    latency: { p50: 24.2, p90: 51, p99: 118, max: 420 },
    latencyDuring: { p50: 0.2, p90: 0.4, p99: 212, max: 420 },
    maxInFlight: 14,
    amplification: 0.66,
    amplificationDuring: 0.02,
    wastedShare: 0,
    timeToDetectMs: 2000,
    timeToRecoverMs: 3000,
  },
  series: {
    stepMs: 1000,
    offered: steps.map(() => 100),
    good: steps.map((second) => (second >= 20 && second < 43 ? 0 : 98)),
    failed: steps.map((second) => (second >= 20 && second < 43 ? 100 : 2)),
    refused: steps.map((second) => (second >= 22 && second < 43 ? 100 : 0)),
    inFlight: steps.map((second) => (second >= 20 && second < 43 ? 1 : 3)),
    p50: steps.map((second) => (second >= 22 && second < 43 ? 0.2 : 24)),
    p99: steps.map((second) => (second === 30 ? null : second >= 22 && second < 43 ? 0.4 : 110)),
  },
  services: [
    {
      name: 'app',
      received: 6000,
      refused: 0,
      failed: 0,
      wasted: 0,
      workMs: 12_000,
      wastedMs: 0,
      maxInFlight: 14,
      inFlight: steps.map(() => 3),
      arrivals: steps.map(() => 100),
    },
    {
      name: 'payments',
      received: 3930,
      refused: 200,
      failed: 0,
      wasted: 0,
      workMs: 90_000,
      wastedMs: 0,
      maxInFlight: 11,
      inFlight: steps.map((second) => (during(second) ? 0 : 2)),
      arrivals: steps.map((second) => (second >= 22 && second < 42 ? 0 : 104)),
    },
  ],
  breakers: [
    {
      to: 'payments',
      breakers: 2,
      transitions: 8,
      open: steps.map((second) => (second >= 22 && second < 42 && second !== 32 ? (second === 21 ? 0.5 : 1) : 0)),
      halfOpen: steps.map((second) => (second === 32 || second === 42 ? 1 : 0)),
      first: [
        { atMs: 22_000, state: 'open' },
        { atMs: 32_000, state: 'half-open' },
        { atMs: 32_400, state: 'open' },
        { atMs: 42_400, state: 'half-open' },
        { atMs: 42_900, state: 'closed' },
      ],
    },
  ],
  cost: { realMs: 412, events: 61_000, heapBytes: 24_000_000 },
}

/** Unguarded: requests pile up until the outage ends, and no circuit breaker is there. */
export const unguardedResult: SimulationResult = {
  ...guardedResult,
  label: 'without policies',
  totals: {
    ...guardedResult.totals,
    good: 3300,
    failed: 2700,
    refused: 0,
    goodShare: 0.55,
    goodShareDuring: 0,
    goodShareAfter: 0.6,
    latency: { p50: 25, p90: 30_000, p99: 60_000, max: 60_000 },
    latencyDuring: { p50: 60_000, p90: 60_000, p99: 60_000, max: 60_000 },
    maxInFlight: 2040,
    amplification: 1,
    amplificationDuring: 1,
    wastedShare: 0.21,
    timeToDetectMs: undefined,
    timeToRecoverMs: undefined,
  },
  series: {
    ...guardedResult.series,
    good: steps.map((second) => (second >= 20 && second < 48 ? 0 : 98)),
    failed: steps.map((second) => (second >= 40 && second < 48 ? 250 : 2)),
    refused: steps.map(() => 0),
    inFlight: steps.map((second) =>
      second < 20 ? 3 : second < 40 ? (second - 19) * 102 : Math.max(3, 2040 - (second - 39) * 250),
    ),
    p99: steps.map((second) => (second < 20 ? 110 : second < 48 ? 30_000 + second * 400 : 130)),
  },
  breakers: [],
}
