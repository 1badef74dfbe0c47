// Which header formats are read and which are written. Invariant: settings are validated once, at construction; reading and
// writing headers ask only booleans. The order of reading is fixed: W3C, B3 as one header, B3 as several, Jaeger.
import { OptionsError } from '@switchgear/core'
import type { BaggageDrops } from './baggage.ts'
import { maxTracestateLength } from './tracestate.ts'

/** A header format, by its name in OTEL_PROPAGATORS. */
export type PropagationFormat = 'tracecontext' | 'baggage' | 'b3' | 'b3multi' | 'jaeger'

/** All formats, in the order in which they are read. */
export const propagationFormats: readonly PropagationFormat[] = ['tracecontext', 'baggage', 'b3', 'b3multi', 'jaeger']

/** How trace and baggage travel in headers. */
export interface PropagationOptions {
  /** Formats that are read. Default all. */
  readonly incoming?: readonly PropagationFormat[]
  /** Formats that are written. Default `['tracecontext', 'baggage']`. */
  readonly outgoing?: readonly PropagationFormat[]
  /**
   * The most characters of `tracestate` that are written, at least 512; what is longer is cut by whole members, those of more
   * than 128 characters first. Default 16447: every valid list.
   */
  readonly maxTracestate?: number
}

/** What is used where an option is missing. */
const propagationDefaults: Required<PropagationOptions> = Object.freeze({
  incoming: propagationFormats,
  outgoing: Object.freeze<PropagationFormat[]>(['tracecontext', 'baggage']),
  maxTracestate: maxTracestateLength,
})

/** One direction: which formats are on. */
export type FormatSet = Readonly<Record<PropagationFormat, boolean>>

/** Validated options, and the counters of what did not fit. */
export class Propagation {
  readonly incoming: FormatSet
  readonly outgoing: FormatSet
  readonly maxTracestate: number
  /** Monotone. */
  readonly drops: BaggageDrops = { baggageIn: 0, baggageOut: 0 }

  /** Throws OptionsError; `path` is what the options are called in its message. */
  constructor(options: PropagationOptions = {}, path: string = 'propagation') {
    if (typeof options !== 'object' || options === null || Array.isArray(options)) {
      throw new OptionsError(`${path} must be an object of options, got ${String(options)}`)
    }
    for (const key of Object.keys(options)) {
      if (Object.hasOwn(propagationDefaults, key)) continue
      const known = Object.keys(propagationDefaults).join(', ')
      throw new OptionsError(`${path}.${key} is not an option; known are ${known}`)
    }
    this.incoming = formatSet(options.incoming ?? propagationDefaults.incoming, `${path}.incoming`)
    this.outgoing = formatSet(options.outgoing ?? propagationDefaults.outgoing, `${path}.outgoing`)
    this.maxTracestate = options.maxTracestate ?? propagationDefaults.maxTracestate
    if (!Number.isInteger(this.maxTracestate) || this.maxTracestate < 512) {
      throw new OptionsError(`${path}.maxTracestate must be a whole number >= 512, got ${String(this.maxTracestate)}`)
    }
  }
}

/** Options out of OTEL_PROPAGATORS, and the names in it that are not known here: they are to be reported, and ignored. */
export interface NamedPropagators {
  readonly options: PropagationOptions
  readonly unknown: readonly string[]
}

/**
 * Reads OTEL_PROPAGATORS. What is listed is both read and written; for either form of B3 both forms are read. Missing or
 * empty gives the defaults, `none` nothing at all.
 *
 * Source: OpenTelemetry, "General SDK Configuration"; B3's reading order from its "Propagators API".
 *
 * @example
 * propagatorsOf('tracecontext,b3').options.outgoing // ['tracecontext', 'b3']
 */
export function propagatorsOf(text: string | undefined): NamedPropagators {
  const names = [...new Set((text ?? '').split(',').map((name) => name.trim().toLowerCase()))].filter(Boolean)
  const unknown = names.filter((name) => name !== 'none' && !isFormat(name))
  if (names.includes('none')) return { options: { incoming: [], outgoing: [] }, unknown }
  const outgoing = names.filter(isFormat)
  // Nothing but unknown names is as good as not set: a typing error must not cut every trace.
  if (outgoing.length === 0) return { options: {}, unknown }
  const b3 = outgoing.includes('b3') || outgoing.includes('b3multi')
  const incoming = propagationFormats.filter((name) => outgoing.includes(name) || (b3 && name.startsWith('b3')))
  return { options: { incoming, outgoing }, unknown }
}

function isFormat(name: unknown): name is PropagationFormat {
  return (propagationFormats as readonly unknown[]).includes(name)
}

function formatSet(names: readonly PropagationFormat[], path: string): FormatSet {
  const known = propagationFormats.join(', ')
  if (!Array.isArray(names))
    throw new OptionsError(`${path} must be a list of formats (${known}), got ${String(names)}`)
  const set: Record<PropagationFormat, boolean> = {
    tracecontext: false,
    baggage: false,
    b3: false,
    b3multi: false,
    jaeger: false,
  }
  for (const [index, name] of names.entries()) {
    if (!isFormat(name)) throw new OptionsError(`${path}[${index}] must be one of ${known}, got '${String(name)}'`)
    set[name] = true
  }
  return set
}
