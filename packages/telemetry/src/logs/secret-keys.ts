// Which names stand for secrets. Invariant: `accessToken`, `access_token`, `Access-Token` and `ACCESS TOKEN` are the same name.
// What is remembered of names that were asked for is bounded: names come from outside.
import { sensitiveParameters } from '../instrumentation/request-url.ts'

/** A name that ends with one of these is a secret, with whatever before it: `dbPassword`, `x-vault-token`. */
const endings: readonly string[] = Object.freeze([
  'authorization',
  'cookie',
  'password',
  'passwd',
  'passphrase',
  'secret',
  'token',
  'api key',
  'access key',
  'private key',
  'secret key',
  'signing key',
  'encryption key',
  'credential',
  'credentials',
  'signature',
])

/** Names that are secrets only as a whole. */
const wholes: readonly string[] = Object.freeze([
  'pwd',
  'pass',
  'bearer',
  'jwt',
  'otp',
  'access key id',
  'session id',
  'client assertion',
  'code verifier',
  ...sensitiveParameters,
])

/** Spelt-out forms of the most frequent names, for loggers that compare by the letter. */
const frequent: readonly string[] = Object.freeze([
  ...endings,
  'pwd',
  'proxy authorization',
  'set cookie',
  'x api key',
  'access token',
  'refresh token',
  'id token',
  'auth token',
  'session token',
  'client secret',
])

/** Names that are remembered. */
const maxRemembered = 1024
/** Longer names are looked at from their end. */
const maxName = 128

/** Names of secrets. */
export class SecretKeys {
  readonly #more: readonly string[]
  readonly #wholes: ReadonlySet<string>
  readonly #endings: readonly string[]
  readonly #spared: ReadonlySet<string>
  readonly #remembered = new Map<string, boolean>()

  /** `more` are secrets as a whole, besides those known; `spared` are none, whatever they end with. */
  constructor(more: readonly string[] = [], spared: readonly string[] = []) {
    this.#more = more
    this.#wholes = new Set([...wholes, ...more].map(plain))
    this.#endings = endings.map(plain)
    this.#spared = new Set(spared.map(plain))
  }

  /** Whether what stands under `name` is a secret. */
  has(name: string): boolean {
    const known = this.#remembered.get(name)
    if (known !== undefined) return known
    const answer = this.#judge(plain(name.slice(-maxName)))
    if (name.length <= maxName) {
      if (this.#remembered.size >= maxRemembered) this.#remembered.clear()
      this.#remembered.set(name, answer)
    }
    return answer
  }

  /** The usual spellings of frequent names: `access_token`, `access-token`, `accessToken`, `Access-Token`, `accesstoken`. */
  spellings(): string[] {
    return [...new Set([...frequent.flatMap(spell), ...this.#more])]
  }

  #judge(name: string): boolean {
    if (this.#spared.has(name)) return false
    return this.#wholes.has(name) || this.#endings.some((ending) => name.endsWith(ending))
  }
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '')
}

function spell(name: string): string[] {
  const words = name.split(' ')
  const titles = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
  const camel = [...words.slice(0, 1), ...titles.slice(1)].join('')
  return [words.join('_'), words.join('-'), words.join(''), camel, titles.join('-'), words.join('_').toUpperCase()]
}
