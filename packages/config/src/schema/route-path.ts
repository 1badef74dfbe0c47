// Which paths a route may have: those that are written in one way only. The gateway normalises what clients send; what is
// configured is asked to be normal already, so that two routes for one path can be seen to be that.

/** Escapes of what needs none, and of what servers are known to read differently once it is decoded. */
const needless = /%(?:2D|2E|3\d|4[1-9A-F]|5[\dAF]|6[1-9A-F]|7[\dAE])/
const treacherous = /%(?:[01].|7F|25|2F|3B|5C)/

/**
 * Whether a path has nothing that could be spelled in another way or read as another path.
 *
 * @example
 * isPlain('/caf%C3%A9') // true
 * isPlain('/orders/../admin') // false
 */
export function isPlain(path: string): boolean {
  if (!/^\/[!-~]*$/.test(path) || /[?#\\;]|\/\//.test(path)) return false
  if (/%(?![\dA-F]{2})/.test(path) || needless.test(path) || treacherous.test(path)) return false
  return !path.split('/').some((segment) => segment === '.' || segment === '..') && isUtf8(path)
}

/** Whether the gateway answers a path itself, so that no route can have it. */
export function isOwn(path: string): boolean {
  return ['/healthz', '/readyz', '/metrics'].includes(withoutSlash(path))
}

/** The path without a slash at its end: a route serves both. */
export function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    // It knows one error only, a malformed sequence, which is the answer.
    return false
  }
}
