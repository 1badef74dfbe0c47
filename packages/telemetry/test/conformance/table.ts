// Runs the whole table of requirements against a subject. Invariant: every row is either run or named with the reason why it says
// nothing about that subject; the last test of a subject counts both.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  type SpanData,
  startTelemetry,
  type Telemetry,
  type TelemetryOptions,
  type TraceOptions,
} from '../../src/index.ts'
import { type HeaderPair, type Requirement, requirements, violations } from '../propagation/requirements.ts'

/** Something that receives a request and makes calls. */
export interface Subject {
  readonly title: string
  /** Starts it, and answers what ends it. */
  start(): Promise<() => Promise<unknown>>
  /** Gives it the request of a row; answers the header lines of the calls that it made. */
  handle(requirement: Requirement): Promise<readonly (readonly HeaderPair[])[]>
  /** Rows that cannot be asked of it, with the reason. */
  readonly notFor?: Readonly<Record<string, string>>
}

/** Makes a test of every row, and one of their number. */
export function runTable({ title, start, handle, notFor = {} }: Subject): void {
  describe(`W3C Trace Context, ${title}`, () => {
    let end: (() => Promise<unknown>) | undefined
    const asked = new Set<string>()
    before(async () => {
      end = await start()
    })
    after(() => end?.())
    for (const requirement of requirements) {
      const { id, text } = requirement
      // Named with its reason by the last test.
      if (notFor[id] !== undefined) continue
      it(`${id}: ${text}`, async () => {
        const calls = await handle(requirement)
        asked.add(id)
        assert.equal(calls.length, requirement.calls, 'calls that arrived')
        // Nothing here samples by probability, so no member of `tracestate` is ours.
        assert.deepEqual(violations(requirement, calls, []), [])
      })
    }
    it('was asked every row, but for those named', (t) => {
      const left = requirements.map(({ id }) => id).filter((id) => !asked.has(id))
      assert.deepEqual(left.toSorted(), Object.keys(notFor).toSorted())
      t.diagnostic(`${asked.size} of ${requirements.length} rows asked, ${left.length} named as not applicable`)
      for (const id of left) t.diagnostic(`not applicable: ${id}, ${notFor[id]}`)
    })
  })
}

/** Telemetry of this process that exports nothing, and the spans that it has finished. */
export function recordingTelemetry(
  traces: TraceOptions = {},
  options: TelemetryOptions = {},
): { telemetry: Telemetry; spans: SpanData[] } {
  const spans: SpanData[] = []
  const consumer = {
    name: 'recording',
    consume: (block: { size: number; data(index: number): SpanData }) => {
      for (let index = 0; index < block.size; index++) spans.push(block.data(index))
    },
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const telemetry = startTelemetry({
    service: 'conformance',
    environment: {},
    traces: { export: false, consumers: [consumer], ...traces },
    onProblem: (message) => assert.fail(message),
    ...options,
  })
  return { telemetry, spans }
}
