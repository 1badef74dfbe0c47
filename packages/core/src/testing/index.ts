// What tests and simulations need: time that stands still and chance that repeats.
export { seededRandom } from './seeded-random.ts'
export { VirtualClock } from './virtual-clock.ts'
