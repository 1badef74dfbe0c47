// A terminal that remembers what a command says, 80 columns wide and without colours.
import type { Terminal } from '../src/index.ts'

/** Everything that was printed, complained and shown. */
export interface Recorder extends Terminal {
  readonly out: string[]
  readonly errors: string[]
  readonly shown: string[]
}

/** A new one; `print` replaces the remembering of what is printed. */
export function recorder(print?: () => void): Recorder {
  const out: string[] = []
  const errors: string[] = []
  const shown: string[] = []
  return {
    out,
    errors,
    shown,
    print: print ?? ((text) => void out.push(text)),
    complain: (text) => void errors.push(text),
    show: (line) => void shown.push(line),
    width: 80,
    paint: (_, text) => text,
  }
}
