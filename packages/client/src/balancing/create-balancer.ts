// A balancer by its name, or by an object with its name as the only key: what configuration can say. Everything a balancer may be
// is in one table. Nothing here picks.
//
// Nanoseconds of a pick with 10 and with 1000 endpoints, measured on Node 26 and one core of an AMD EPYC: peakEwma 133 and 180,
// leastRequest 85 and 87, roundRobin 57 and 145, random 45 and 57, maglev 82 and 100. No object is made; V8 boxes each random number
// and each time it is handed, 16 bytes apiece. The account of a call (`Load`: enter, settle, exit) takes 16 to 27 ns.
import { OptionsError, type Random, systemRandom } from '@switchgear/core'
import { checkKeys, checkObject } from '@switchgear/core/options'
import type { Balancer, Candidate } from './balancer.ts'
import { Maglev, type MaglevOptions } from './maglev.ts'
import { RandomBalancer } from './random.ts'
import { RoundRobin } from './round-robin.ts'
import { lessLoaded, sooner, TwoChoices } from './two-choices.ts'
import { ZoneAware, type ZoneOptions } from './zone-aware.ts'

/** Every balancer. `weighted` is `roundRobin`: both go by weight, and with equal weights that is plain rotation. */
export type BalancerName = 'peakEwma' | 'leastRequest' | 'roundRobin' | 'weighted' | 'random' | 'maglev'

/** A balancer in configuration: its name, or an object with its options where it has any. */
export type BalancerSpec = BalancerName | { readonly maglev: MaglevOptions }

/** What is not the balancer's own. */
export interface BalancerOptions {
  /** Default: the host's. */
  readonly random?: Random | undefined
  /** Where the caller runs: its own zone is preferred then. Default: zones are ignored. */
  readonly zone?: string | ZoneOptions | undefined
  /** Where the spec stands, for messages. Default 'balancer'. */
  readonly path?: string | undefined
}

/** The balancer of a service that names none. */
export const defaultBalancer: BalancerName = 'peakEwma'

type Make = <C extends Candidate>(random: Random, options: MaglevOptions, path: string) => Balancer<C>

const makers: Readonly<Record<BalancerName, Make>> = {
  peakEwma: (random) => new TwoChoices('peakEwma', sooner, random),
  leastRequest: (random) => new TwoChoices('leastRequest', lessLoaded, random),
  roundRobin: (random) => new RoundRobin(random),
  weighted: (random) => new RoundRobin(random, 'weighted'),
  random: (random) => new RandomBalancer(random),
  maglev: (random, options, path) => new Maglev(options, random, path),
}

/**
 * Makes the balancer that a spec names. Throws `SG_BAD_OPTIONS`.
 *
 * @example
 * const balancer = createBalancer<Peer>({ maglev: { tableSize: 4093 } }, { zone: 'eu-1a' })
 */
export function createBalancer<C extends Candidate>(
  spec: BalancerSpec = defaultBalancer,
  { random = systemRandom, zone, path = 'balancer' }: BalancerOptions = {},
): Balancer<C> {
  const [name, options] = named(spec, path)
  const make = (): Balancer<C> => makers[name]<C>(random, options, `${path}.${name}`)
  if (zone === undefined) return make()
  return new ZoneAware(typeof zone === 'string' ? { own: zone } : zone, make, random, `${path}.zone`)
}

function named(spec: unknown, path: string): readonly [BalancerName, MaglevOptions] {
  const known = Object.keys(makers).join(', ')
  if (typeof spec === 'string') {
    if (Object.hasOwn(makers, spec)) return [spec as BalancerName, {}]
    throw new OptionsError(`${path}: '${spec}' is not a balancer; known are ${known}`)
  }
  checkObject(spec, path)
  checkKeys(spec as object, ['maglev'], path)
  const { maglev } = spec as { readonly maglev?: MaglevOptions }
  if (maglev === undefined) throw new OptionsError(`${path} must be one of ${known}, or maglev with its options`)
  return ['maglev', maglev]
}
