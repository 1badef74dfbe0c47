// Lower-case hexadecimal between text and signed 32-bit integers. Invariant: no piece of text is cut out and no number ever
// leaves the 32 bits. It knows nothing of headers: what a digit means is up to its callers.

/** What each of the 128 ASCII characters is worth; -1 for all that are no lower-case hexadecimal digit. */
const worth = new Int8Array(128).fill(-1)
const digits = Uint8Array.from([...'0123456789abcdef'], (digit) => digit.charCodeAt(0))
for (const [value, code] of digits.entries()) worth[code] = value

/** Whether `text` has a lower-case hexadecimal digit at every position from `from` to before `to`. */
export function isHex(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    // Past the end the code is NaN, which compares as false.
    if (!(code < 128) || (worth[code] ?? -1) < 0) return false
  }
  return true
}

/** Negative once a character since `beginHex` was no digit. Asked only between two calls of one synchronous function. */
let seen = 0

/** Begins a series of `wordAt` and `byteAt`: looking once at the end costs less than looking at every digit. */
export function beginHex(): void {
  seen = 0
}

/** Whether all that was read since `beginHex` were lower-case hexadecimal digits. */
export function wasHex(): boolean {
  return seen >= 0
}

/** The eight digits of `text` from `at` on as a signed 32-bit integer. */
export function wordAt(text: string, at: number): number {
  let word = 0
  let all = 0
  for (const end = at + 8; at < end; at++) {
    const digit = worth[text.charCodeAt(at)] ?? -1
    all |= digit
    word = (word << 4) | digit
  }
  seen |= all
  return word
}

/** The two digits of `text` at `at` as a number. */
export function byteAt(text: string, at: number): number {
  const high = worth[text.charCodeAt(at)] ?? -1
  const low = worth[text.charCodeAt(at + 1)] ?? -1
  seen |= high | low
  return (high << 4) | low
}

/** Writes the eight digits of a 32-bit integer into `target` from `at` on, as ASCII. */
export function putWord(target: Uint8Array, at: number, word: number): void {
  for (let shift = 28; shift >= 0; shift -= 4) target[at++] = digits[(word >>> shift) & 0xf] ?? 0
}
