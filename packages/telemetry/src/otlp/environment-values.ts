// How the values of OTEL_* variables are read, by the "common configuration specification" of OpenTelemetry. Invariant: a
// wrong value is reported and counts as not set. It must not show a value that may be a secret: headers and credentials.
import { isHeader, withoutCredentials } from './otlp-options.ts'

/** Variables by name, as in `process.env`. */
export type Variables = Readonly<Record<string, string | undefined>>

/** "No limit" of a timeout: nobody waits for 24 days. */
const noLimitMs = 2 ** 31 - 1

/** Reads variables and collects what is wrong with them. An empty value is the same as none. */
export class VariableReader {
  readonly warnings: string[] = []
  readonly #variables: Variables

  constructor(variables: Variables) {
    this.#variables = variables
  }

  /** The value, trimmed. */
  text(name: string): string | undefined {
    const value = this.#variables[name]?.trim()
    return value === undefined || value === '' ? undefined : value
  }

  /** Only "true" is true; whatever is neither that nor "false" is reported. */
  flag(name: string): boolean {
    const value = this.text(name)?.toLowerCase()
    if (value !== undefined && value !== 'true' && value !== 'false') this.#ignored(name, 'true or false', value)
    return value === 'true'
  }

  /** A whole number from `least` to 2^31 - 1. */
  count(name: string, least = 0): number | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const count = /^\d+$/.test(value) ? Number(value) : Number.NaN
    if (count >= least && count <= noLimitMs) return count
    return this.#ignored(name, `a whole number >= ${least}`, value)
  }

  /** Milliseconds; 0 is "no limit". */
  timeoutMs(name: string): number | undefined {
    const value = this.count(name)
    return value === 0 ? noLimitMs : value
  }

  /** One of `known`, in any case. */
  choice<T extends string>(name: string, known: readonly T[], why = ''): T | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    return known.find((one) => one === value.toLowerCase()) ?? this.#ignored(name, listed(known) + why, value)
  }

  /** Several of `known`, separated by commas, each once; `none` stands alone. */
  choices<T extends string>(name: string, known: readonly T[]): readonly (T | 'none')[] | undefined {
    const found = new Set<T | 'none'>()
    for (const word of this.words(name) ?? []) {
      const one = known.find((candidate) => candidate === word)
      if (one !== undefined || word === 'none') found.add(one ?? 'none')
      else this.#ignored(name, listed([...known, 'none']), word)
    }
    if (found.size > 1 && found.delete('none')) this.warnings.push(`${name}: none stands beside others and is ignored`)
    return found.size === 0 ? undefined : [...found]
  }

  /** Words separated by commas, in lower case, each once. */
  words(name: string): readonly string[] | undefined {
    const words = (this.text(name)?.split(',') ?? []).map((word) => word.trim().toLowerCase())
    const found = [...new Set(words.filter((word) => word !== ''))]
    return found.length === 0 ? undefined : found
  }

  /** A URL with http or https. */
  url(name: string): URL | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const url = URL.parse(value)
    if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url
    return this.#ignored(name, 'a URL with http or https', withoutCredentials(value))
  }

  /** `key=value,key=value`, percent-encoded; one that cannot be read makes all of it count as not set. */
  pairs(name: string): Readonly<Record<string, string>> | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const pairs: [string, string][] = []
    for (const part of value.split(',').filter((one) => one.trim() !== '')) {
      const pair = decodedPair(part)
      if (pair === undefined) return this.#ignored(name, 'key=value,key=value, percent-encoded', value)
      pairs.push(pair)
    }
    // Not by assignment: a key may be '__proto__'.
    return Object.fromEntries(pairs)
  }

  /** Headers in the form of W3C Baggage, without its properties. Their values are never shown; a wrong one is left out. */
  headers(name: string): Readonly<Record<string, string>> | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const headers: [string, string][] = []
    for (const [index, part] of value.split(',').entries()) {
      if (part.trim() === '') continue
      const [text = '', ...properties] = part.split(';')
      const pair = decodedPair(text)
      if (pair === undefined || !isHeader(...pair)) {
        this.warnings.push(`${name}: entry ${index + 1} is no header of the form name=value and is ignored`)
        continue
      }
      if (properties.length > 0) this.warnings.push(`${name}: what follows ';' in '${pair[0]}' is ignored`)
      headers.push([pair[0].toLowerCase(), pair[1]])
    }
    return headers.length === 0 ? undefined : Object.fromEntries(headers)
  }

  #ignored(name: string, bound: string, value: string): undefined {
    this.warnings.push(`${name} must be ${bound}, got '${value.slice(0, 100)}'; it is ignored`)
  }
}

function listed(words: readonly string[]): string {
  return `one of ${words.join(', ')}`
}

function decodedPair(text: string): [string, string] | undefined {
  const at = text.indexOf('=')
  if (at < 1) return undefined
  try {
    const key = decodeURIComponent(text.slice(0, at).trim())
    return key === '' ? undefined : [key, decodeURIComponent(text.slice(at + 1).trim())]
  } catch {
    // A '%' that is no encoding: the specification wants the pair discarded.
    return undefined
  }
}
