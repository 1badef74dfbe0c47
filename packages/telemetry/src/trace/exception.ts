// How an exception is written into a span: the attributes of OpenTelemetry's event `exception` (trace/exceptions.md).
import type { Attributes } from './span-data.ts'

/** Type, message and stack of what was thrown, as far as it has them. It does not throw itself. */
export function exceptionAttributes(exception: unknown): Attributes {
  if (typeof exception !== 'object' || exception === null) return { 'exception.message': String(exception) }
  try {
    return attributesOf(exception as Readonly<Record<string, unknown>>)
  } catch {
    // A getter or a proxy that throws: the program is failing already, and this must not hide why.
    return {}
  }
}

function attributesOf({ code, name, message, stack }: Readonly<Record<string, unknown>>): Attributes {
  const attributes: Record<string, string> = {}
  // A code such as ECONNREFUSED says more than the name, which for most errors of the host is just Error.
  const type = code ?? name
  if (typeof type === 'string' || typeof type === 'number') attributes['exception.type'] = String(type)
  if (typeof message === 'string') attributes['exception.message'] = message
  if (typeof stack === 'string') attributes['exception.stacktrace'] = stack
  return attributes
}
