// OpenTelemetry's member `ot` of a W3C trace state: `ot=th:c;rv:6e6d1a75832a2f` (OpenTelemetry specification,
// trace/tracestate-handling.md). Reading allocates nothing, because it is done for each trace that comes in; members
// and sub-keys of others are passed on untouched. It must not judge: what a threshold means is the samplers' business.
import { deleteMember, openTelemetryKey, readMember, writeMember } from '../propagation/tracestate.ts'

/** Characters that the value of the member may have. */
const maxValueLength = 256

/**
 * Reads the member of a valid trace state. One reader is used again and again; its fields tell of the last text that
 * was read.
 *
 * @example
 * const ot = new OtReader()
 * ot.read('vendor=1,ot=th:c')
 * ot.hasThreshold // true: 25 % were sampled
 */
export class OtReader {
  /** A valid `th` is there. */
  hasThreshold = false
  /** Some `th` is there, valid or not. */
  namesThreshold = false
  thresholdHigh = 0
  thresholdLow = 0
  /** A valid `rv` is there. */
  hasRandomness = false
  randomHigh = 0
  randomLow = 0
  #high = 0
  #low = 0

  read(traceState: string): void {
    this.hasThreshold = this.namesThreshold = this.hasRandomness = false
    let at = valueStart(traceState)
    if (at < 0) return
    const comma = traceState.indexOf(',', at)
    const end = comma < 0 ? traceState.length : comma
    while (at < end) {
      const semicolon = traceState.indexOf(';', at)
      const stop = semicolon < 0 || semicolon > end ? end : semicolon
      this.#entry(traceState, at, stop)
      at = stop + 1
    }
  }

  #entry(text: string, start: number, end: number): void {
    if (text.startsWith('th:', start)) {
      // Keys are unique by the specification; where they are not, the first one counts.
      if (!this.namesThreshold && this.#hex(text, start + 3, end)) {
        this.hasThreshold = true
        this.thresholdHigh = this.#high
        this.thresholdLow = this.#low
      }
      this.namesThreshold = true
    } else if (text.startsWith('rv:', start) && !this.hasRandomness) {
      if (end - start !== 3 + 14 || !this.#hex(text, start + 3, end)) return
      this.hasRandomness = true
      this.randomHigh = this.#high
      this.randomLow = this.#low
    }
  }

  /** Reads 1 to 14 lower-case digits, as if zeros followed. */
  #hex(text: string, start: number, end: number): boolean {
    if (end <= start || end - start > 14) return false
    this.#high = this.#low = 0
    for (let index = 0; index < 14; index++) {
      const digit = start + index < end ? hexDigit(text.charCodeAt(start + index)) : 0
      if (digit < 0) return false
      if (index < 6) this.#high = this.#high * 16 + digit
      else this.#low = this.#low * 16 + digit
    }
    return true
  }
}

/**
 * A valid trace state with `threshold` as its `th`, or with none when it is undefined. Everything else of the member
 * stays, and the member moves to the front, as W3C Trace Context asks of who changes one. Where the member would become
 * longer than its 256 characters it is left without a `th`.
 */
export function withThreshold(traceState: string, threshold: string | undefined): string {
  const entries = readMember(traceState, openTelemetryKey)?.split(';') ?? []
  const kept = entries.filter((entry) => entry !== '' && !entry.startsWith('th:'))
  const value = threshold === undefined ? kept.join(';') : [`th:${threshold}`, ...kept].join(';')
  const fitting = value.length > maxValueLength ? kept.join(';') : value
  if (fitting === '') return deleteMember(traceState, openTelemetryKey)
  return writeMember(traceState, openTelemetryKey, fitting)
}

/** Where the value of the member begins in a valid trace state, or -1. */
function valueStart(traceState: string): number {
  if (traceState.startsWith('ot=')) return 3
  const at = traceState.indexOf(',ot=')
  return at < 0 ? at : at + 4
}

/** The value of a lower-case hex digit, or -1. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  return code >= 0x61 && code <= 0x66 ? code - 0x61 + 10 : -1
}
