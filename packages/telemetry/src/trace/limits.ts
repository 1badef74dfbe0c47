// How much one span may hold. The names and defaults are those of the OpenTelemetry specification (trace/sdk.md "Span
// Limits", common/README.md "Attribute Limits"). What goes beyond is dropped and counted, never an error.
import { OptionsError } from '@switchgear/core'

/** Bounds of one span. Each is a whole number >= 0; `attributeValueLength` may be Infinity. */
export interface SpanLimits {
  /** Attributes that are set on a span one by one; sets that spans share are not counted. Default 128. */
  readonly attributeCount?: number | undefined
  /** Code units of a text, also of each text of a list. Default Infinity. */
  readonly attributeValueLength?: number | undefined
  /** Default 128. */
  readonly eventCount?: number | undefined
  /** Default 128. */
  readonly linkCount?: number | undefined
  /** Default 128. */
  readonly attributePerEventCount?: number | undefined
  /** Default 128. */
  readonly attributePerLinkCount?: number | undefined
}

/** Limits with nothing left open. */
export type CompleteLimits = { readonly [Name in keyof SpanLimits]-?: number }

/** The limits of a tracer that was given none. */
const defaultLimits: CompleteLimits = Object.freeze({
  attributeCount: 128,
  attributeValueLength: Infinity,
  eventCount: 128,
  linkCount: 128,
  attributePerEventCount: 128,
  attributePerLinkCount: 128,
})

/** Checks limits and adds the defaults. Throws an `OptionsError` that names `path`, the bound and the value. */
export function completeLimits(limits: SpanLimits | undefined, path: string): CompleteLimits {
  const complete: Record<string, number> = { ...defaultLimits }
  for (const [name, value] of Object.entries(limits ?? {})) {
    if (!Object.hasOwn(defaultLimits, name))
      throw new OptionsError(`${path}.${name} is not an option; known are ${Object.keys(defaultLimits).join(', ')}`)
    if (value === undefined) continue
    const holds = (Number.isInteger(value) && value >= 0) || (name === 'attributeValueLength' && value === Infinity)
    if (!holds) throw new OptionsError(`${path}.${name} must be a whole number >= 0, got ${String(value)}`)
    complete[name] = value
  }
  return complete as CompleteLimits
}
