// Spans and trace ids for the tests of sampling.
import type { SpanData } from '../../src/trace/span-data.ts'
import { seededRandom } from '@switchgear/core/testing'

export const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

/** Trace ids with random bits, the same ones in every run. */
export function traceIds(count: number, from: number = seed): string[] {
  const random = seededRandom(from)
  const part = (): string =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  return Array.from({ length: count }, () => part() + part() + part() + part())
}

/** The lowest random value of all: kept by no probability but 1. */
export const lowestId = 'aaaaaaaaaaaaaaaaaa00000000000000'
/** The highest random value of all: kept by every probability. */
export const highestId = 'aaaaaaaaaaaaaaaaaaffffffffffffff'

let spanCount = 0

/** A root span of 10 ms on a server, with `parts` over it. */
export function span(parts: Partial<SpanData> & { service?: string; durationMs?: number } = {}): SpanData {
  const { service = 'orders', durationMs = 10, ...rest } = parts
  return {
    traceId: lowestId,
    spanId: (++spanCount).toString(16).padStart(16, '0'),
    parentSpanId: undefined,
    traceState: '',
    flags: 3,
    name: 'GET /orders',
    kind: 'server',
    startMicros: 1_767_225_600_000_000,
    durationNanos: durationMs * 1e6,
    status: 'unset',
    statusMessage: '',
    attributes: {},
    events: [],
    links: [],
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
    resource: { attributes: { 'service.name': service } },
    scope: { name: 'test' },
    ...rest,
  }
}

/** A child span inside the process of its parent. */
export function child(parts: Partial<SpanData> & { durationMs?: number } = {}): SpanData {
  return span({ parentSpanId: '00000000000000aa', flags: 0x103, kind: 'internal', name: 'work', ...parts })
}

/** An event of this name. */
export function event(name: string): SpanData['events'][number] {
  return { name, timeMicros: 1_767_225_600_000_000, attributes: {}, droppedAttributes: 0 }
}
