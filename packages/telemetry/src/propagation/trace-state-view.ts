// OpenTelemetry's TraceState over the text of a `tracestate` header. Invariant: immutable, and always valid; a change that
// would break a rule changes nothing. Our own code works on the text and makes none of these.
import type { TraceState } from '@opentelemetry/api'
import { deleteMember, parseTracestate, readMember, writeMember } from './tracestate.ts'

/** A TraceState for those who speak OpenTelemetry's API. */
export class TraceStateView implements TraceState {
  readonly #text: string

  /** `text` is a valid list or ''. */
  constructor(text: string) {
    this.#text = text
  }

  /** A new list with the member at its front. */
  set(key: string, value: string): TraceState {
    return new TraceStateView(writeMember(this.#text, key, value))
  }

  unset(key: string): TraceState {
    return new TraceStateView(deleteMember(this.#text, key))
  }

  get(key: string): string | undefined {
    return readMember(this.#text, key)
  }

  serialize(): string {
    return this.#text
  }
}

/** The text of anybody's TraceState, '' when there is none or it is invalid. */
export function traceStateText(state: TraceState | undefined): string {
  return state === undefined ? '' : parseTracestate(state.serialize())
}
