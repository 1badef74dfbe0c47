// Switchgear itself.
import type { Library } from '../subject.ts'
import { breakers } from './switchgear/breakers.ts'
import { policies } from './switchgear/policies.ts'

export const library: Library = {
  guards: { ...breakers.guards, ...policies.guards },
  idle: { ...breakers.idle, ...policies.idle },
}
