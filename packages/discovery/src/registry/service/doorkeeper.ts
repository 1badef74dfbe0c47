// Who a request comes from and what it may do. Owns tokens and failed attempts. Invariant: tokens, which people choose, cannot be
// tried without end from one place; heartbeats, whose secrets are 256 random bits, are never put off because of somebody else at
// the same address, because an instance would lose its lease by that.
import type { IncomingMessage } from 'node:http'
import { type Allows, bearer } from './access.ts'
import { canonicalAddress } from './addresses.ts'
import { busy, ServiceRefusal } from './errors.ts'
import { FailedAttempts } from './failed-attempts.ts'
import type { ServiceSettings } from './service-options.ts'

/**
 * See the head of this file.
 *
 * @example
 * const door = new Doorkeeper(settings)
 * door.admitRegistration(request, 'orders') // throws what the request is answered with
 */
export class Doorkeeper {
  readonly #settings: ServiceSettings
  readonly #attempts: FailedAttempts

  constructor(settings: ServiceSettings) {
    this.#settings = settings
    this.#attempts = new FailedAttempts(settings.failedAttempts, settings.clock)
  }

  /** What the request may read. Throws `SG_REGISTRY_DENIED`, `SG_REGISTRY_BUSY`. */
  reader(request: IncomingMessage): Allows {
    return this.#settings.isOpen ? () => true : this.#allowed(request, 'readers')
  }

  /** Lets a request register an instance of `service`. Throws `SG_REGISTRY_DENIED`, `SG_REGISTRY_BUSY`. */
  admitRegistration(request: IncomingMessage, service: string): void {
    if (this.#allowed(request, 'register')(service)) return
    this.#attempts.failed(peerOf(request))
    throw denied(403, `this token does not register ${service}`)
  }

  /** The secret of an instance. Throws `SG_REGISTRY_DENIED`. */
  secret(request: IncomingMessage): string {
    const secret = bearer(request.headers.authorization)
    if (secret === undefined)
      throw denied(401, 'the secret of the registration is missing: Authorization: Bearer <secret>')
    return secret
  }

  /** Counts a wrong secret. The answer to the one that is too many is that there were too many. */
  wrongSecret(request: IncomingMessage): void {
    const peer = peerOf(request)
    this.#refuseBlocked(peer)
    this.#attempts.failed(peer)
  }

  #allowed(request: IncomingMessage, use: 'register' | 'readers'): Allows {
    const peer = peerOf(request)
    this.#refuseBlocked(peer)
    const { authorization } = request.headers
    if (authorization === undefined) throw denied(401, 'a token is needed: Authorization: Bearer <token>')
    const token = bearer(authorization)
    const allows = token === undefined ? undefined : this.#settings[use].of(token)
    if (allows !== undefined) return allows
    this.#attempts.failed(peer)
    throw denied(401, 'this token is not known here')
  }

  #refuseBlocked(peer: string): void {
    const blockedMs = this.#attempts.blockedMs(peer)
    if (blockedMs > 0) throw busy(429, 'too many failed attempts came from this address', blockedMs)
  }
}

/** 401 or 403. */
export function denied(status: 401 | 403, message: string): ServiceRefusal {
  return new ServiceRefusal(
    status,
    'SG_REGISTRY_DENIED',
    message,
    status === 401 ? { 'www-authenticate': 'Bearer' } : {},
  )
}

function peerOf(request: IncomingMessage): string {
  const { remoteAddress = '' } = request.socket
  return canonicalAddress(remoteAddress) ?? remoteAddress
}
