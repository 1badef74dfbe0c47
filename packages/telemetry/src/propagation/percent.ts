// Percent-encoding of UTF-8 in the alphabet of W3C Baggage (RFC 3986 section 2.1), and the tokens of RFC 9110. Invariant:
// decoding what was encoded gives the same text (lone surrogates, which UTF-8 does not have, become U+FFFD).
const percent = 37
/** Characters of a token, by code. */
const ofTokens = new Uint8Array(128)
for (const mark of "!#$%&'*+-.^_`|~") ofTokens[mark.charCodeAt(0)] = 1
for (const letter of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789')
  ofTokens[letter.charCodeAt(0)] = 1

/** Characters of a value, by code: printable ASCII but space, double quote, comma, semicolon and backslash. */
const ofValues = new Uint8Array(128).fill(1, 0x21, 0x7f)
for (const mark of '",;\\') ofValues[mark.charCodeAt(0)] = 0

/** Whether a text is a token: at least one character, and none but those of names in HTTP. */
export function isToken(text: string): boolean {
  return text !== '' && consistsOf(text, ofTokens)
}

/** The text with all bytes that a value may not have, and the percent sign, written as %XX. */
export function percentEncoded(text: string): string {
  if (consistsOf(text, ofValues) && !text.includes('%')) return text
  let encoded = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    const plain = byte < 128 && ofValues[byte] === 1 && byte !== percent
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}

/**
 * The text that %XX stood for, with U+FFFD where the bytes are no UTF-8; undefined when a character is none that a value may
 * have. A percent sign without two digits behind it stands for itself.
 */
export function percentDecoded(text: string): string | undefined {
  if (!consistsOf(text, ofValues)) return undefined
  if (!text.includes('%')) return text
  const bytes = Buffer.allocUnsafe(text.length)
  let length = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const digits = code === percent ? text.slice(at + 1, at + 3) : ''
    if (/^[0-9a-f]{2}$/i.test(digits)) {
      bytes[length++] = Number.parseInt(digits, 16)
      at += 2
    } else bytes[length++] = code
  }
  return bytes.toString('utf8', 0, length)
}

function consistsOf(text: string, alphabet: Uint8Array): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code > 127 || alphabet[code] !== 1) return false
  }
  return true
}
