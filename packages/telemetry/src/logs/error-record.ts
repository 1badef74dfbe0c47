// What a log says of an error: what kind, what it says, where, and why. Invariant: objects that hang on an error, such as the
// request that failed, are left out but for its causes: they are large, and full of what nobody meant to log.

/** Whether it is an error, also one of another realm. */
export function isErrorLike(value: object): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]'
}

/** `type`, `message`, `code`, `stack`, then other plain values that the error has, then its causes. */
export function* errorRecord(error: Error): Generator<[string, unknown]> {
  const { name, message, stack, cause } = error
  const { code, errors } = error as { code?: unknown; errors?: unknown }
  // The class where it says more: many classes forget to set a name.
  const own = error.constructor?.name
  yield ['type', name === 'Error' && typeof own === 'string' && own !== '' ? own : name]
  yield ['message', message]
  if (typeof code === 'string' || typeof code === 'number') yield ['code', code]
  yield ['stack', stack]
  for (const key of Object.keys(error)) {
    if (said.has(key)) continue
    const value = (error as unknown as Record<string, unknown>)[key]
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') yield [key, value]
  }
  if (cause !== undefined) yield ['cause', cause]
  if (Array.isArray(errors)) yield ['errors', errors]
}

/** Keys that stand at their places already. */
const said: ReadonlySet<string> = new Set(['type', 'name', 'message', 'code', 'stack', 'cause', 'errors'])
