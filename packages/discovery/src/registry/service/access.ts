// Who may register and read what. A token is bound to names of services; whatever no token allows is denied. Invariant: tokens are
// kept and compared as SHA-256 only, every comparison looks at all of them in constant time, and no message holds one.
import { createHash, timingSafeEqual } from 'node:crypto'
import { OptionsError } from '@switchgear/core'
import { check, checkKeys } from '@switchgear/core/options'

/** A token, or its SHA-256 as 64 hexadecimal digits, and the services it is for. */
export interface TokenGrant {
  /** 16 to 512 characters of `A-Z a-z 0-9 - . _ ~ + /`, with `=` at the end. Long and random: see `tokenFile`. */
  readonly token?: string | undefined
  readonly sha256?: string | undefined
  /** Names; `shop-*` is every name that begins so, `*` every name. */
  readonly services: readonly string[]
}

interface Grant {
  readonly hash: Buffer
  readonly names: ReadonlySet<string>
  readonly prefixes: readonly string[]
}

/** Says of a service whether it is allowed. */
export type Allows = (service: string) => boolean

/** The syntax of RFC 6750, section 2.1. */
const token68 = /^[A-Za-z0-9\-._~+/]{1,511}=*$/

/**
 * The tokens of a registry.
 *
 * @example
 * const grants = new TokenGrants([{ token, services: ['orders', 'shop-*'] }], 'registry.tokens')
 * grants.of(token)?.('shop-cart') // true
 */
export class TokenGrants {
  readonly #grants: readonly Grant[]

  constructor(grants: readonly TokenGrant[], path: string) {
    this.#grants = grants.map((grant, index) => checkedGrant(grant, `${path}[${index}]`))
  }

  /** What a token allows; undefined when it is unknown. */
  of(token: string): Allows | undefined {
    const hash = sha256(token)
    // No early end: how long it takes must not tell how far it came.
    const found = this.#grants.filter((grant) => timingSafeEqual(grant.hash, hash))
    if (found.length === 0) return undefined
    return (service) =>
      found.some(({ names, prefixes }) => names.has(service) || prefixes.some((prefix) => service.startsWith(prefix)))
  }
}

/** The credential of `Authorization: Bearer <credential>`; undefined when there is none or it cannot be one. */
export function bearer(authorization: string | undefined): string | undefined {
  const [, credential] = /^Bearer +([^ ]{1,512})$/i.exec(authorization ?? '') ?? []
  return credential !== undefined && token68.test(credential) ? credential : undefined
}

function checkedGrant(grant: TokenGrant, path: string): Grant {
  checkKeys(grant, ['token', 'sha256', 'services'], path)
  const { token, sha256: digest, services } = grant
  // The values are not shown, as everywhere else: these are secrets.
  if ((token === undefined) === (digest === undefined)) throw new OptionsError(`${path} must have token or sha256`)
  if (token !== undefined && !(typeof token === 'string' && token.length >= 16 && token68.test(token)))
    throw new OptionsError(`${path}.token must be 16 to 512 letters, digits or - . _ ~ + /`)
  if (digest !== undefined && !/^[0-9a-f]{64}$/i.test(String(digest)))
    throw new OptionsError(`${path}.sha256 must be 64 hexadecimal digits`)
  check(Array.isArray(services) && services.length > 0, `${path}.services`, 'a list of names', services)
  for (const [index, name] of services.entries())
    check(
      /^[\w.-]{0,127}\*?$/.test(name) && name !== '',
      `${path}.services[${index}]`,
      "a name, or like 'shop-*'",
      name,
    )
  return {
    hash: token === undefined ? Buffer.from(String(digest), 'hex') : sha256(token),
    names: new Set(services.filter((name) => !name.endsWith('*'))),
    prefixes: services.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1)),
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
