// Failed attempts by peer, in fixed windows of a minute. Invariant: at most `mostPeers` peers are remembered; the one that was
// remembered first is forgotten for a new one. An IPv6 peer is its /64, because one machine has all of that.
import { isIPv6, SocketAddress } from 'node:net'
import type { Clock } from '@switchgear/core'

const windowMs = 60_000
const mostPeers = 4096

interface Failures {
  count: number
  readonly until: number
}

/**
 * Counts what a peer got wrong.
 *
 * @example
 * const attempts = new FailedAttempts(30, systemClock)
 * attempts.failed('10.0.0.7')
 * attempts.blockedMs('10.0.0.7') // 0: 29 more are allowed in this minute
 */
export class FailedAttempts {
  readonly #most: number
  readonly #clock: Clock
  readonly #peers = new Map<string, Failures>()

  /** `most` a minute. */
  constructor(most: number, clock: Clock) {
    this.#most = most
    this.#clock = clock
  }

  /** Milliseconds for which a peer is not listened to; 0 when it is. */
  blockedMs(peer: string): number {
    const failures = this.#peers.get(keyOf(peer))
    if (failures === undefined || failures.count < this.#most) return 0
    return Math.max(0, failures.until - this.#clock.now())
  }

  failed(peer: string): void {
    const key = keyOf(peer)
    const now = this.#clock.now()
    const failures = this.#peers.get(key)
    if (failures !== undefined && failures.until > now) return void failures.count++
    this.#peers.delete(key)
    const [oldest] = this.#peers.keys()
    if (oldest !== undefined && this.#peers.size >= mostPeers) this.#peers.delete(oldest)
    this.#peers.set(key, { count: 1, until: now + windowMs })
  }

  /** Peers that are remembered. */
  get size(): number {
    return this.#peers.size
  }
}

function keyOf(peer: string): string {
  if (!isIPv6(peer)) return peer
  const { address } = new SocketAddress({ address: peer.replace(/%.*$/, ''), family: 'ipv6' })
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const behind = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - groups.length - behind.length) }, () => '0')
  return `${[...groups, ...zeros, ...behind].slice(0, 4).join(':')}::/64`
}
