// Redaction for pino, which an application brings along: this package only fits into its options. Invariant: everything that is
// handed to a log call is redacted before pino writes it. Bindings of child loggers pass no formatter of pino's: of those
// only top-level names in their usual spellings are, so give a child `redact(bindings)` where they come from outside.
import { redacted } from '../instrumentation/request-url.ts'
import { isErrorLike } from './error-record.ts'
import { Redaction } from './redaction.ts'

/** Options of pino that redact. */
export interface PinoRedaction {
  readonly formatters: {
    /** The fields of a line. */
    readonly log: (fields: object) => Record<string, unknown>
    /** The fields that all lines share. */
    readonly bindings: (fields: object) => Record<string, unknown>
  }
  /** By the name of a field: errors, and what has the name of a secret. */
  readonly serializers: Readonly<Record<string, (value: unknown) => unknown>>
  readonly hooks: {
    /** The message and what is put into it. */
    readonly logMethod: (this: object, args: unknown[], method: (...args: never[]) => void) => void
  }
}

/**
 * Options for pino, to be merged with those of the application.
 *
 * @example
 * const logger = pino({ mixin: traceFields, ...pinoRedaction() })
 */
export function pinoRedaction(redaction: Redaction = new Redaction()): PinoRedaction {
  const log = redactingFormatter(redaction)
  return {
    formatters: { log, bindings: log },
    serializers: redactingSerializers(redaction),
    hooks: {
      logMethod(args, method) {
        // Not the fields in front, which the formatter sees with those of the mixin; an error there must stay one until then.
        const clean = args.map((arg, index) => (index === 0 && typeof arg === 'object' ? arg : redaction.redact(arg)))
        const message = args.length === 1 ? messageOf(args[0]) : undefined
        if (message !== undefined) clean.push(redaction.text(message))
        method.apply(this, clean as never[])
      },
    },
  }
}

/** What pino would take for the message of a line that has none: that of its error. */
function messageOf(fields: unknown): string | undefined {
  if (typeof fields !== 'object' || fields === null) return undefined
  if (isErrorLike(fields)) return fields.message
  if ('msg' in fields || 'message' in fields) return undefined
  const { err } = fields as { err?: unknown }
  const error: unknown = err ?? Object.values(fields).find((value) => value instanceof Error)
  const message: unknown = (error as { message?: unknown } | undefined)?.message
  return typeof message === 'string' ? message : undefined
}

/** For pino's `formatters.log`. */
export function redactingFormatter(
  redaction: Redaction = new Redaction(),
): (fields: object) => Record<string, unknown> {
  return (fields) => {
    const clean = redaction.redact(fields)
    // Anything else comes of fields that are no plain object, such as a Date.
    return isRecord(clean) ? clean : { value: clean }
  }
}

/** For pino's `serializers`: `err` and `error` keep type, message, code and stack; names of secrets keep nothing. */
export function redactingSerializers(
  redaction: Redaction = new Redaction(),
): Readonly<Record<string, (value: unknown) => unknown>> {
  const clean = (value: unknown): unknown => redaction.redact(value)
  const hide = (value: unknown): unknown => (value === undefined || value === null ? value : redacted)
  const secrets = redaction.spellings().filter((name) => redaction.hides(name))
  return { err: clean, error: clean, ...Object.fromEntries(secrets.map((name) => [name, hide])) }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
