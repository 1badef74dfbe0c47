// The one place where a request target becomes a path. It runs once, before routing, and what it answers is what is routed
// and what is forwarded, so that no rule can be walked around by spelling. Invariant: two spellings of one path give one
// result, or none. What servers are known to read differently (`..`, `//`, `;`, `\`, an encoded slash) is refused, not mended.

/** A request target after normalisation. */
export interface Target {
  readonly kind: 'target'
  /** Begins with a slash; percent-encoding only where it is needed, in upper case. */
  readonly path: string
  /** With its question mark, or ''. Passed on as it came. */
  readonly query: string
}

/** A request target that is refused, and why, in words for the client. */
export interface BadTarget {
  readonly kind: 'bad'
  readonly reason: string
}

/** What needs no percent-encoding anywhere in a URI (RFC 3986, 2.3): its encoded form means the same and is decoded. */
const unreserved = /[A-Za-z0-9\-._~]/

/** Encoded once more, these would be decoded by a careless server behind us, which then reads another path than we did. */
const encodedTwice = /%25(?:2[EF]|5C|3B|00|25)/i

/** The authority of a target in absolute form, which a server must accept (RFC 9112, 3.2.2). */
const authority = /^https?:\/\/[^/?#]*/i

/**
 * Normalises a request target.
 *
 * @example
 * parseTarget('/%6frders/7?full=1') // { kind: 'target', path: '/orders/7', query: '?full=1' }
 * parseTarget('/orders/../admin') // { kind: 'bad', reason: 'a path must not hold the segment ".."' }
 */
export function parseTarget(target: string): Target | BadTarget {
  const local = target.startsWith('/') ? target : target.replace(authority, '')
  const mark = local.indexOf('?')
  const raw = mark < 0 ? local : local.slice(0, mark)
  const query = mark < 0 ? '' : local.slice(mark)
  const reason = faultOfRaw(raw) ?? (/[^\x21-\xff]|#/.test(query) ? 'a query must not hold that character' : undefined)
  if (reason !== undefined) return { kind: 'bad', reason }
  const path = raw.includes('%') ? recoded(raw) : raw
  const fault = faultOfDecoded(path)
  return fault === undefined ? { kind: 'target', path, query } : { kind: 'bad', reason: fault }
}

function faultOfRaw(raw: string): string | undefined {
  if (!raw.startsWith('/')) return 'a path must begin with a slash'
  if (/[^\x21-\x7e]/.test(raw)) return 'a path must be printable ASCII; other characters are percent-encoded'
  if (/%(?![0-9a-f]{2})/i.test(raw)) return 'a percent sign must be followed by two hexadecimal digits'
  return undefined
}

/** Decodes what is unreserved and writes the rest in upper case. */
function recoded(raw: string): string {
  return raw.replaceAll(/%[0-9a-f]{2}/gi, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
    return unreserved.test(character) ? character : encoded.toUpperCase()
  })
}

function faultOfDecoded(path: string): string | undefined {
  if (path.includes('//')) return 'a path must not hold an empty segment'
  if (/[\\;#]/.test(path)) return 'a path must not hold a backslash, a semicolon or a number sign'
  if (/%(?:2F|5C|3B)/.test(path)) return 'a path must not hold an encoded slash, backslash or semicolon'
  if (/%(?:[01].|7F)/.test(path)) return 'a path must not hold an encoded control character'
  if (encodedTwice.test(path)) return 'a path must not be percent-encoded twice'
  const walk = /\/(\.\.?)(?=\/|$)/.exec(path)
  if (walk !== null) return `a path must not hold the segment "${walk[1]}"`
  if (path.includes('%') && !isUtf8(path)) return 'a percent-encoded path must be UTF-8'
  return undefined
}

/** Overlong forms such as %C0%AF, another way to write a slash, are not UTF-8. */
function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    // The only error it knows is a malformed sequence, which is the answer.
    return false
  }
}
