// What a pipeline hands to its policies. Everything that differs between a service, a test and a simulation is in here.
import type { Judge } from './classify.ts'
import type { Clock } from './clock.ts'
import type { Random } from './random.ts'

/** What a pipeline hands to its policies when it compiles them. */
export interface Environment {
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly judge: Judge
}
