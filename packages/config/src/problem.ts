// What can be wrong with a configuration, and the error that carries all of it at once. Invariant: problems stand in the
// order of their positions. Must not show what is secret: a password inside a URL is masked in the excerpt too.
import { type ErrorEntry, SwitchgearError } from '@switchgear/core'

/** One thing that is wrong, and where. */
export interface Problem {
  readonly file: string
  /** 1 for the first line. 0 when the file could not be read at all. */
  readonly line: number
  /** 1 for the first column, counted in UTF-16 units. */
  readonly column: number
  /** Where in the configuration: `services.payments.policies[1].retry.maxAttempt`; '' for the file as a whole. */
  readonly path: string
  /** What is wrong: `got 50`, `unknown key`. */
  readonly message: string
  /** What would be right: `a number in (0, 1]`. */
  readonly expected: string
  /** The known word that was probably meant. */
  readonly nearest?: string
}

/** What is documented of `SG_CONFIG`. */
export const configError: ErrorEntry = {
  code: 'SG_CONFIG',
  title: 'The configuration is wrong.',
  advice:
    'Every problem of the file is listed with its line, its column and what was expected there; correct them and load it again. ' +
    'Nothing of a wrong configuration is ever used: what was running goes on as it is.',
}

/** So many problems are printed; `problems` has them all. */
const mostPrinted = 50
/** A longer line is cut around the column, so that a file written on one line stays readable. */
const widestExcerpt = 120

/**
 * A configuration that cannot be used. `problems` has everything that is wrong with it; the message prints each with its
 * source line and a caret.
 *
 * @example
 * try {
 *   parseConfig(text)
 * } catch (error) {
 *   if (error instanceof ConfigError) for (const problem of error.problems) annotate(problem.line, problem.message)
 * }
 */
export class ConfigError extends SwitchgearError {
  readonly file: string
  readonly problems: readonly Problem[]

  /** `text` is the source that the excerpts are cut from; without it there are none. */
  constructor(file: string, problems: readonly Problem[], text = '', cause?: unknown) {
    const ordered = problems.toSorted((a, b) => a.line - b.line || a.column - b.column)
    super('SG_CONFIG', render(file, ordered, text), { cause })
    this.file = file
    this.problems = Object.freeze(ordered.map((problem) => Object.freeze(problem)))
  }

  override get name(): string {
    return 'ConfigError'
  }
}

function render(file: string, problems: readonly Problem[], text: string): string {
  const lines = text.split('\n')
  const printed = problems.slice(0, mostPrinted).map((problem) => `${describe(problem)}${excerpt(problem, lines)}`)
  const left = problems.length - printed.length
  if (left > 0) printed.push(`... and ${left} more`)
  return [`${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in ${file}`, ...printed].join('\n')
}

/**
 * A problem on one line, as `ConfigError` prints it.
 *
 * @example
 * describe(error.problems[0]) // switchgear.yaml:12:7 services.payments.policies[1].retry.maxAttempt: unknown key, did you …
 */
export function describe(problem: Problem): string {
  const { file, line, column, path, message, expected, nearest } = problem
  const place = line === 0 ? file : `${file}:${line}:${column}`
  const subject = path === '' ? (line === 0 ? `${place}:` : place) : `${place} ${path}:`
  const guess = nearest === undefined ? ',' : `, did you mean '${nearest}'?`
  return `${subject} ${message}${guess} expected ${expected}`
}

/** The source line with a caret under the column; '' when there is nothing to see in it. */
function excerpt(problem: Problem, lines: readonly string[]): string {
  const source = lines[problem.line - 1]
  if (source === undefined || source.trim() === '') return ''
  const before = problem.column - 1
  const start = before > widestExcerpt - 20 ? before - widestExcerpt / 2 : 0
  const whole = masked(source.replace(/\r$/, ''))
  const shown = printable(whole.slice(start, start + widestExcerpt))
  const gutter = String(problem.line).padStart(5)
  // Tabs are kept in front of the caret, so that it stands under its column however wide they are.
  const indent = printable(whole.slice(start, before)).replaceAll(/[^\t]/g, ' ')
  return `\n${gutter} | ${shown}\n${' '.repeat(gutter.length)} | ${indent}^`
}

/**
 * Hides what may be the password of a URL, without moving a column: everything up to the last `@`, from the scheme or else
 * from the last blank on. It rather hides too much: a text that is wrong need not even be a URL.
 */
export function masked(text: string): string {
  const end = text.lastIndexOf('@')
  const scheme = text.indexOf('://')
  const start = scheme >= 0 && scheme < end ? scheme + 3 : text.lastIndexOf(' ', end) + 1
  const secret = text.slice(start, Math.max(start, end))
  // A name without a colon in front of the sign is somebody's address.
  if (!secret.includes(':') && (scheme < 0 || scheme > end)) return text
  return text.slice(0, start) + '*'.repeat(secret.length) + text.slice(start + secret.length)
}

/**
 * A value in a message, short and on one line.
 *
 * @example
 * shown('50%') // "'50%'"
 */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object') return Object.keys(value).length === 0 ? 'an empty mapping' : 'a mapping'
  if (typeof value !== 'string') return String(value)
  const text = masked(value).replaceAll(/\p{Cc}/gu, '\uFFFD')
  return `'${text.length > 60 ? `${text.slice(0, 60)}...` : text}'`
}

/** A terminal must not be steered by a file: control characters are shown as a replacement. */
function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\t]/gu, '\uFFFD')
}
