// The hand-written breaker as a subject.
import { ClassicBreaker } from '../classic.ts'
import { openForMs, type Guard, type Library } from '../subject.ts'
import { work } from '../workload.ts'

function guard(): Guard {
  const breaker = new ClassicBreaker({ resetMs: openForMs })
  return {
    state: () => (breaker.state === 'CLOSED' ? 'closed' : breaker.state === 'OPEN' ? 'open' : 'other'),
    once: () => breaker.execute(work),
    async run(count) {
      for (let i = 0; i < count; i++) await breaker.execute(work)
    },
    async attempt(count) {
      let caught = 0
      for (let i = 0; i < count; i++) {
        try {
          await breaker.execute(work)
        } catch {
          caught++
        }
      }
      return caught
    },
  }
}

export const library: Library = {
  guards: { breaker: guard },
  idle: { breaker: () => new ClassicBreaker() },
}
