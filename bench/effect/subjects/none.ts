// The control: no circuit breaker, only the attempt timeout that every subject has.
import { guardOf, type Library, retried, timeLimited } from '../subject.ts'

export const library: Library = {
  guards: {
    timeout: (environment) => guardOf((send) => timeLimited(environment, send)),
    stack: (environment) => guardOf((send) => retried(environment, () => timeLimited(environment, send))),
  },
}
