// How the span of a guarded call ends: the same for one by `execute` and for one that a data path of ours drives.
import { type Outcome, SwitchgearError } from '@switchgear/core'
import type { Span } from '../trace/span.ts'
import { errorType } from './request-error.ts'

/**
 * Finishes a span with what became of its call, at `endMs` (monotonic). Our own errors tell everything in their message; that of a
 * foreign one may hold anything, so only its type is told.
 */
export function finishCall(span: Span, outcome: Outcome, error: unknown, endMs: number): void {
  if (span.recording && outcome !== 'success') {
    span.set('switchgear.outcome', outcome)
    const ours = error instanceof SwitchgearError
    if (outcome === 'failure' || (ours && error.refusal)) span.fail(errorType(error), ours ? error.message : '')
  }
  span.finish(endMs)
}
