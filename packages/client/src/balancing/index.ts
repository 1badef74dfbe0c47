// What of balancing the rest of the client uses.
export type { Balancer, Candidate, PickRequest } from './balancer.ts'
export {
  type BalancerName,
  type BalancerOptions,
  type BalancerSpec,
  createBalancer,
  defaultBalancer,
} from './create-balancer.ts'
export { Load, type LoadOptions, type LoadSettings, loadSettings } from './load.ts'
export type { MaglevOptions } from './maglev.ts'
export type { ZoneOptions } from './zone-aware.ts'
