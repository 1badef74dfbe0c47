// The secret of a registration: made here, told once, kept as a hash. A hash without salt or stretching is enough, because
// 256 random bits cannot be guessed. Invariant: comparing takes as long for a wrong secret as for the right one.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** A new secret, 256 random bits in base64url. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What is kept of a secret: its SHA-256 in hex. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Whether a secret is the one that was hashed. */
export function isSecretOf(secret: string, hash: string): boolean {
  // It comes from a stranger: hashing a text of any length gives two of equal length to compare.
  return typeof secret === 'string' && timingSafeEqual(Buffer.from(hashOf(secret), 'hex'), Buffer.from(hash, 'hex'))
}
