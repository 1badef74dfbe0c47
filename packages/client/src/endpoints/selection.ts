// Who of the known endpoints may be called, and who is. Owns the ejector and what the balancer is told. Invariants: the balancer hears
// of a change only when there is one; of the best tier at least one may always be called; a pick allocates nothing.
import type { Random } from '@switchgear/core'
import type { Balancer } from '../balancing/balancer.ts'
import { type EjectionListener, type EjectionRules, Ejector } from '../ejection/index.ts'
import type { EndpointPeer } from './endpoint-peer.ts'
import type { Peer } from './peer.ts'
import { bestTier } from './tier.ts'

const nobody: readonly Peer[] = Object.freeze([])

/** The choice among the endpoints of one service. `known` answers all of them, in their order. */
export class Selection {
  readonly ejector: Ejector
  /** Picks while no endpoint was known. */
  unpicked = 0
  readonly #balancer: Balancer<Peer>
  readonly #known: () => Iterable<EndpointPeer>
  #candidates: readonly EndpointPeer[] = []
  /** The candidates have to be chosen anew. */
  #isStale = false
  /** Weights or zones have changed, so the balancer must look at the same candidates again. */
  #isReweighed = false
  /** Counts choices. */
  #turn = 0
  /** Handed to the balancer again and again. */
  readonly #request: { now: number; key: string | undefined; tried: readonly Peer[] } = {
    now: 0,
    key: undefined,
    tried: nobody,
  }

  constructor(
    balancer: Balancer<Peer>,
    known: () => Iterable<EndpointPeer>,
    rules: EjectionRules,
    random: Random,
    listener: EjectionListener,
  ) {
    this.#balancer = balancer
    this.#known = known
    this.ejector = new Ejector(rules, random, {
      ejected: (...what) => this.#changed(() => listener.ejected(...what)),
      returned: (...what) => this.#changed(() => listener.returned(...what)),
      panicked: (...what) => this.#changed(() => listener.panicked(...what)),
    })
  }

  pick(now: number, key: string | undefined, tried: readonly Peer[]): Peer | undefined {
    if (this.#isStale || now >= this.ejector.dueAt) this.look(now)
    const request = this.#request
    request.now = now
    request.key = key
    request.tried = tried
    const peer = this.#balancer.pick(request)
    // The call and its tries must not live on here.
    request.key = undefined
    request.tried = nobody
    if (peer === undefined) this.unpicked++
    return peer
  }

  /** Applies what time or results have changed since the last look. */
  look(now: number): void {
    if (now >= this.ejector.dueAt) this.ejector.advance(now)
    if (this.#isStale) this.choose(now)
  }

  /** The weight or the zone of an endpoint has changed; a choice follows. */
  reweigh(): void {
    this.#isReweighed = true
  }

  /** Chooses from what is known now. */
  choose(now: number): void {
    const turn = ++this.#turn
    const tier = bestTier(this.#known())
    // It may take one back, or panic, which makes the choice stale. A listener that hears of it may bring about another choice within
    // this one, which then knows better.
    this.ejector.update(
      tier.map(({ gate }) => gate),
      now,
    )
    if (turn !== this.#turn) return
    this.#isStale = false
    const { isPanicking } = this.ejector
    const candidates = tier.filter(({ gate, isPresent }) => gate.ejection === undefined || (isPanicking && isPresent))
    const old = this.#candidates
    const isSame = candidates.length === old.length && candidates.every((peer, index) => peer === old[index])
    if (isSame && !this.#isReweighed) return
    this.#candidates = candidates
    this.#isReweighed = false
    this.#balancer.update(candidates)
  }

  #changed(tell: () => void): void {
    this.#isStale = true
    tell()
  }
}
