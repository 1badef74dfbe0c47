// What tests of wrong configurations share: the error of a text, and its problems in short.
import assert from 'node:assert/strict'
import { ConfigError, parseConfig } from '../src/index.ts'

/** The error that a text gives; fails when it gives none. */
export function errorOf(text: string): ConfigError {
  try {
    parseConfig(text)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error
  }
  return assert.fail('the text was accepted')
}

/** Each problem as `line:column path: message`, with the suggestion behind a question mark. */
export function problemsOf(text: string): string[] {
  return errorOf(text).problems.map(({ line, column, path, message, nearest }) => {
    const subject = path === '' ? '' : ` ${path}:`
    return `${line}:${column}${subject} ${message}${nearest === undefined ? '' : ` ?${nearest}`}`
  })
}

/** The lines as one text. */
export function yaml(...lines: readonly string[]): string {
  return `${lines.join('\n')}\n`
}
