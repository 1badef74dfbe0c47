// Prefers the endpoints of the caller's own zone, as far as they have the capacity (the idea of Envoy's zone aware routing). Callers are
// taken to be spread evenly over the zones, so each zone is expected to have an equal share of the weight. Where the own zone has
// less, the rest of its calls goes to the zones that have more than their share, in proportion to that surplus. Invariant: if all
// zones' callers do so, every endpoint gets what it would get without zones, and no call leaves its zone without need.
import type { Random } from '@switchgear/core'
import { check, checkCount, checkKeys, checkShare } from '@switchgear/core/options'
import type { Balancer, Candidate, PickRequest } from './balancer.ts'
import { hash32 } from './hash.ts'
import { Weights } from './weights.ts'

/** Options of zone awareness. */
export interface ZoneOptions {
  /** Where the caller runs. */
  readonly own: string
  /** With fewer endpoints than this, zones are ignored: shares would be too coarse. Default 6, as in Envoy. */
  readonly minEndpoints?: number | undefined
  /** When the own zone has less than this part of its expected share of the weight, it is mostly gone and zones are ignored. Default 0.25. */
  readonly leastLocal?: number | undefined
}

const defaults = Object.freeze({ own: '', minEndpoints: 6, leastLocal: 0.25 })
const zoneSeed = 0x5eed0004

/** The endpoints of one zone. */
interface Area<C extends Candidate> {
  readonly zone: string | undefined
  readonly balancer: Balancer<C>
  readonly candidates: C[]
  weight: number
  /** Its part of this caller's calls. */
  share: number
}

/**
 * Balances within zones. `make` gives the balancer of one zone; another one balances over all.
 *
 * @example
 * const balancer = new ZoneAware({ own: 'eu-1a' }, () => new RandomBalancer(Math.random), Math.random)
 */
export class ZoneAware<C extends Candidate> implements Balancer<C> {
  readonly name: string
  readonly keyed: boolean
  readonly #own: string
  readonly #minEndpoints: number
  readonly #leastLocal: number
  readonly #make: () => Balancer<C>
  readonly #random: Random
  readonly #everywhere: Balancer<C>
  readonly #weights = new Weights<C>()
  #areas: readonly Area<C>[] = []
  /** For each candidate the index of its area. */
  #areaOf: Int32Array<ArrayBuffer> = new Int32Array(0)
  #routed = false

  /** Throws `SG_BAD_OPTIONS` naming `path`. */
  constructor(options: ZoneOptions, make: () => Balancer<C>, random: Random, path: string = 'zone') {
    checkKeys(options, defaults, path)
    const { own, minEndpoints = defaults.minEndpoints, leastLocal = defaults.leastLocal } = options
    check(typeof own === 'string' && own !== '', `${path}.own`, 'the name of a zone', own)
    this.#own = own
    this.#minEndpoints = checkCount(minEndpoints, `${path}.minEndpoints`, 1)
    this.#leastLocal = checkShare(leastLocal, `${path}.leastLocal`)
    this.#make = make
    this.#random = random
    this.#everywhere = make()
    this.name = this.#everywhere.name
    this.keyed = this.#everywhere.keyed
  }

  update(candidates: readonly C[]): void {
    this.#weights.update(candidates)
    this.#everywhere.update(candidates)
    const kept = new Map(this.#areas.map(({ zone, balancer }) => [zone, balancer]))
    const areas = new Map<string | undefined, Area<C>>()
    for (const candidate of candidates) {
      const { zone } = candidate
      const area = areas.get(zone) ?? areaOf(zone, kept.get(zone) ?? this.#make())
      areas.set(zone, area)
      area.candidates.push(candidate)
    }
    this.#areas = [...areas.values()]
    this.#areaOf = Int32Array.from(candidates, ({ zone }) => this.#areas.findIndex((area) => area.zone === zone))
    for (const { balancer, candidates: within } of this.#areas) balancer.update(within)
  }

  pick(request: PickRequest<C>): C | undefined {
    if (this.#weights.look(request.now)) this.#route()
    if (!this.#routed) return this.#everywhere.pick(request)
    const { key, tried } = request
    // A key must not change its zone from call to call.
    const chance = this.keyed && key !== undefined ? hash32(key, zoneSeed) / 4_294_967_296 : this.#random()
    const chosen = this.#draw(chance).balancer.pick(request)
    const exhausted = chosen === undefined || (tried.length > 0 && tried.includes(chosen))
    return exhausted ? this.#everywhere.pick(request) : chosen
  }

  #draw(chance: number): Area<C> {
    const areas = this.#areas
    let place = chance
    for (let index = 0; index < areas.length; index++) {
      place -= (areas[index] as Area<C>).share
      if (place < 0) return areas[index] as Area<C>
    }
    // What rounding left over; the own zone always has a share here.
    return areas.find(({ zone }) => zone === this.#own) as Area<C>
  }

  /** Decides for the weights of now which part of the calls each zone gets. */
  #route(): void {
    const areas = this.#areas
    const { values, total } = this.#weights
    for (const area of areas) area.weight = area.share = 0
    for (let index = 0; index < values.length; index++) {
      const area = areas[this.#areaOf[index] as number] as Area<C>
      area.weight += values[index] as number
    }
    const own = areas.find(({ zone }) => zone === this.#own)
    // Endpoints without a zone serve all of them: they are surplus.
    const zones = areas.filter(({ zone }) => zone !== undefined).length
    const expected = total / zones
    const local = own === undefined ? 0 : Math.min(1, own.weight / expected)
    this.#routed = values.length >= this.#minEndpoints && areas.length > 1 && local > 0 && local >= this.#leastLocal
    if (!this.#routed) return
    const surplusOf = ({ zone, weight }: Area<C>): number => Math.max(0, weight - (zone === undefined ? 0 : expected))
    const surplus = areas.reduce((sum, area) => sum + surplusOf(area), 0)
    // With enough at home there may be no surplus anywhere.
    const rest = local < 1 ? (1 - local) / surplus : 0
    for (const area of areas) area.share = area === own ? local : rest * surplusOf(area)
  }
}

function areaOf<C extends Candidate>(zone: string | undefined, balancer: Balancer<C>): Area<C> {
  return { zone, balancer, candidates: [], weight: 0, share: 0 }
}
