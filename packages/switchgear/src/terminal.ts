// Where a command prints. Results go to stdout and nothing else does; progress and complaints go to stderr. Commands get a
// terminal and never touch the process, so that a test can hand them one of its own.
import { styleText } from 'node:util'

/** Emphasis of a piece of text. */
export type Emphasis = 'bold' | 'dim' | 'red' | 'yellow' | 'green'

/** Two streams and what is known of them. */
export interface Terminal {
  /** Writes text and a line break to stdout. */
  print(text: string): void
  /** Writes text and a line break to stderr. */
  complain(text: string): void
  /** Shows a line on stderr in place of the last one; '' takes it away. Does nothing where nobody watches. */
  show(line: string): void
  /** Columns of stdout; 80 when it is no terminal. */
  readonly width: number
  /** Emphasis for stdout; returns the text alone when it is no terminal. */
  paint(emphasis: Emphasis, text: string): string
}

/** The terminal of a command, which may end with exit code 1 although it said all that it had to say. */
export interface CommandTerminal extends Terminal {
  /** Lets it end so. */
  fail(): void
}

/** What a layout needs to know. */
export type Look = Pick<Terminal, 'width' | 'paint'>

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdout, stderr } = process
  return {
    print: (text) => void stdout.write(`${text}\n`),
    complain: (text) => void stderr.write(`${text}\n`),
    show(line) {
      if (stderr.isTTY) stderr.write(`\r\u001B[K${line.slice(0, stderr.columns - 1)}`)
    },
    width: Math.max(40, stdout.isTTY ? stdout.columns : 80),
    paint: (emphasis, text) => styleText(emphasis, text, { stream: stdout }),
  }
}
