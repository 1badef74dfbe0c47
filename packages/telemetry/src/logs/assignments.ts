// Secrets that a text gives a name: `password=x`, `"token": "x"`, `Authorization: Basic x`, also in JSON inside of JSON.
// Invariant: the time is linear in the length of the text, so it is a scanner and no regular expression: every character
// is passed a bounded number of times, forwards for values and backwards for names. In doubt it takes too much, never too little.
import { redacted } from '../instrumentation/request-url.ts'
import type { SecretKeys } from '../redaction/secret-keys.ts'

/** Longer names are looked at from their end. */
const maxName = 64
/** Blanks that may stand on either side of a separator. */
const maxBlanks = 4
/** Quotes and backslashes that may stand after a name: those of JSON in JSON in JSON and one more. */
const maxQuotes = 16

/** Headers whose value goes on to the end of its line. */
const wholeLine = /(authorization|cookies?)$/i

/** What ends a value without quotes. */
const wordEnds = ` \t\n\r"'&,;<>)}]`

/** Where a value stands in a text. */
interface Range {
  readonly from: number
  readonly to: number
}

/** `text` without the values that stand under secret names. */
export function redactAssignments(text: string, keys: SecretKeys): string {
  let result = ''
  let done = 0
  for (let at = nextSeparator(text, 0); at >= 0; at = nextSeparator(text, Math.max(at + 1, done))) {
    const name = nameBefore(text, at, done)
    if (name === '' || !keys.has(name)) continue
    const { from, to } = valueAfter(text, at, name)
    if (from >= to) continue
    result += text.slice(done, from) + redacted
    done = to
  }
  return done === 0 ? text : result + text.slice(done)
}

function nextSeparator(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const char = text[at]
    if (char === '=' || char === ':') return at
  }
  return -1
}

/** The name before a separator; '' when there is none. Nothing before `least` belongs to it. */
function nameBefore(text: string, separator: number, least: number): string {
  let end = nameEnd(text, separator, least)
  const quotesEnd = Math.max(least, end - maxQuotes)
  while (end > quotesEnd && isQuote(text[end - 1])) end--
  let begin = end
  const nameBegin = Math.max(least, end - maxName)
  while (begin > nameBegin && isNamePart(text.charCodeAt(begin - 1))) begin--
  return text.slice(begin, end)
}

/** Where a name ends, with its quotes. */
function nameEnd(text: string, separator: number, least: number): number {
  let end = separator
  const blanksEnd = Math.max(least, end - maxBlanks)
  while (end > blanksEnd && isBlank(text[end - 1])) end--
  return end
}

function valueAfter(text: string, separator: number, name: string): Range {
  let from = separator + 1
  const blanksEnd = from + maxBlanks
  // Also `=>`, `==` and `:=`.
  while (from < blanksEnd && (isBlank(text[from]) || '=>:'.includes(text[from] ?? '.'))) from++
  let slashes = 0
  while (text[from + slashes] === '\\') slashes++
  const first = text[from + slashes]
  if (first === '"' || first === "'") return quoted(text, from + slashes + 1, first, slashes)
  if (first === '{' || first === '[') return { from, to: bracketEnd(text, from) }
  // A quoted name is one of an object, where a value ends as its entry does; else a header has the rest of its line.
  if (isQuote(text[nameEnd(text, separator, 0) - 1])) return { from, to: endOf(text, from, ',}]\n\r') }
  return { from, to: endOf(text, from, wholeLine.test(name) ? '\n\r' : wordEnds) }
}

/** The end is the next such quote with as few backslashes before it as the first has: more of them make it a character. */
function quoted(text: string, from: number, quote: string, slashes: number): Range {
  for (let at = text.indexOf(quote, from); at >= 0; at = text.indexOf(quote, at + 1)) {
    let before = 0
    // One more than allowed decides, so a long row of backslashes is not counted to its end.
    while (before <= slashes && at - before > from && text[at - before - 1] === '\\') before++
    if (before <= slashes) return { from, to: at - before }
  }
  return { from, to: text.length }
}

/** After the bracket that closes the one at `from`; the end of the text when none does. */
function bracketEnd(text: string, from: number): number {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const char = text[at]
    if (char === '{' || char === '[') depth++
    else if ((char === '}' || char === ']') && --depth === 0) return at + 1
  }
  return text.length
}

/** The first of `ends` from `from` on; the end of the text where there is none. */
function endOf(text: string, from: number, ends: string): number {
  let to = from
  while (to < text.length && !ends.includes(text[to] ?? '')) to++
  return to
}

function isBlank(char: string | undefined): boolean {
  return char === ' ' || char === '\t'
}

function isQuote(char: string | undefined): boolean {
  return char === '"' || char === "'" || char === '\\'
}

/** Letters, digits and `_ - . %`. */
function isNamePart(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    code === 45 ||
    code === 46 ||
    code === 37
  )
}
