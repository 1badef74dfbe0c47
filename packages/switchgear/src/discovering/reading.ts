// What a source needs that stands outside of its settings: secrets and certificates, in files or in the environment. Invariant: a
// message names the place and never what is there.
import { readFile as readFileOf } from 'node:fs/promises'
import { OptionsError } from '@switchgear/core'

/** Reads for one source, which stands at `path`. */
export class Reading {
  readonly path: string
  readonly #environment: Readonly<Record<string, string | undefined>>
  readonly #readFile: (path: string) => Promise<string>

  constructor(
    path: string,
    environment: Readonly<Record<string, string | undefined>>,
    readFile: (path: string) => Promise<string> = (file) => readFileOf(file, 'utf8'),
  ) {
    this.path = path
    this.#environment = environment
    this.#readFile = readFile
  }

  /**
   * A secret that stands in a file or in a variable, without blanks at its ends; undefined where neither is given. `key` is where it
   * stands below the source, such as `registry.token`.
   */
  async secret(key: string, file: string | undefined, variable: string | undefined): Promise<string | undefined> {
    if (file !== undefined) return this.#found(`${key}File`, (await this.text(`${key}File`, file)) ?? '')
    if (variable === undefined) return undefined
    const value = this.#environment[variable]
    if (value === undefined)
      throw new OptionsError(`${this.path}.${key}Variable: the environment has no variable ${variable}`)
    return this.#found(`${key}Variable`, value)
  }

  /** A file as text; undefined where none is given. */
  async text(key: string, file: string | undefined): Promise<string | undefined> {
    if (file === undefined) return undefined
    try {
      return await this.#readFile(file)
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      const why =
        code === 'ENOENT' ? 'there is no such file' : `it cannot be read${code === undefined ? '' : ` (${code})`}`
      throw new OptionsError(`${this.path}.${key}: ${file}: ${why}`)
    }
  }

  #found(key: string, text: string): string {
    const secret = text.trim()
    if (secret === '') throw new OptionsError(`${this.path}.${key}: there is nothing in it`)
    return secret
  }
}
