// Texts of spans on a terminal. Whoever sent a span chose them, so nothing in them may move the cursor or colour what follows.
import { duration } from '../quantity.ts'

/**
 * Cut to `width` with an ellipsis, controls replaced.
 *
 * @example
 * fitted('GET /orders/{id}', 8) // 'GET /or…'
 */
export function fitted(text: string, width: number): string {
  const plain = printable(text)
  return plain.length <= width ? plain : `${plain.slice(0, Math.max(0, width - 1))}…`
}

/** Without control and format characters; line breaks become blanks. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}

/**
 * A number and the word for what is counted.
 *
 * @example
 * counted(2, 'span') // '2 spans'
 */
export function counted(number: number, word: string): string {
  return `${number.toLocaleString('en-US')} ${word}${number === 1 ? '' : 's'}`
}

/**
 * A duration in nanoseconds; below a millisecond in microseconds.
 *
 * @example
 * took(41_000) // '41 µs'
 */
export function took(nanos: number): string {
  return nanos > 0 && nanos < 999_500 ? `${Number((nanos / 1000).toPrecision(3))} µs` : duration(nanos / 1e6)
}
