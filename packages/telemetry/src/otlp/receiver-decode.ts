// Running the decoders: in slices, so that the event loop stays free for the traffic that is being watched, and one request
// after the other, because parsed JSON may take twenty times the memory of its text, and one of those is enough.
import { setImmediate } from 'node:timers/promises'
import { decodeJson } from './decode-json.ts'
import { decodeTraces } from './decode-traces.ts'
import type { IngestBatch } from './ingest-batch.ts'
import type { IngestLimits } from './ingest-limits.ts'
import type { Format } from './receiver-answer.ts'

/** How long decoding may keep the event loop to itself, but for the parsing of JSON, which cannot pause. */
const sliceMs = 5

/** Decodes bodies in the order in which they came. */
export class DecodeQueue {
  readonly #limits: IngestLimits
  #last: Promise<unknown> = Promise.resolve()

  constructor(limits: IngestLimits) {
    this.#limits = limits
  }

  /** Rejects with a DecodeError when the body is broken. */
  decode(body: Uint8Array, format: Format): Promise<IngestBatch> {
    // A generator does nothing before it is asked: the body waits as bytes.
    const steps = format === 'json' ? decodeJson(body, this.#limits) : decodeTraces(body, this.#limits)
    const decoded = this.#last.then(() => inSlices(steps))
    // The next one's turn comes either way; the error belongs to who gets `decoded`.
    this.#last = decoded.catch(() => undefined)
    return decoded
  }
}

async function inSlices(steps: Generator<void, IngestBatch>): Promise<IngestBatch> {
  let end = performance.now() + sliceMs
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (performance.now() < end) continue
    await setImmediate()
    end = performance.now() + sliceMs
  }
}
