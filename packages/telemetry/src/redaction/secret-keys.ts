// Which names stand for secrets, in spans as in logs. Invariant: `accessToken`, `access_token`, `Access-Token` and
// `ACCESS TOKEN` are the same name. What is remembered of names that were asked for is bounded: names come from outside.

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
  'signature',
  // Several of them. Not every `tokens`: `max_tokens` and `promptTokens` are counts of language models.
  'cookies',
  'passwords',
  'passphrases',
  'secrets',
  'api keys',
  'access keys',
  'private keys',
  'secret keys',
  'signing keys',
  'encryption keys',
  'credentials',
  'signatures',
  'access tokens',
  'refresh tokens',
  'id tokens',
  'auth tokens',
  'api tokens',
  'bearer tokens',
  'session tokens',
  'user tokens',
])

/** Names that are secrets only as a whole. */
const wholes: readonly string[] = Object.freeze([
  'pwd',
  'pass',
  'auth',
  'tokens',
  'bearer',
  'jwt',
  'otp',
  'access key id',
  'session id',
  'client assertion',
  'code verifier',
  // Query parameters, by the OpenTelemetry semantic conventions for `url.query` and `url.full`; those they name besides
  // have one of the endings.
  'AWS access key id',
  'sig',
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
      this.#remembered.set(alone(name), answer)
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

/** A copy. A part of a text keeps all of the text in memory, here the one that the name stood in. */
function alone(name: string): string {
  return Buffer.from(name, 'utf16le').toString('utf16le')
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
