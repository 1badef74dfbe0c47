// The endpoints of one caller, in a process of their own. Each works on some requests at a time and lets the others wait in line, as a
// pool of workers does; an answer that nobody waits for any more is worked on all the same.
import { seededRandom } from '@switchgear/core/testing'
import { type Listening, listen, response } from '../wire.ts'
import { argument, say } from '../child.ts'
import type { EndpointSpec, FleetAnswer, FleetAsk } from './messages.ts'

const { endpoints, seed } = argument<{ readonly endpoints: readonly EndpointSpec[]; readonly seed: number }>()
const random = seededRandom(seed)
const body = JSON.stringify({ state: 'ok' })
const answers = { 200: response('200 OK', body), 503: response('503 Service Unavailable', body) }
const asked = endpoints.map(() => 0)
const open: Listening[] = []
for (const [index, spec] of endpoints.entries()) open.push(await serve(index, spec))

process.on('message', ({ kill }: FleetAsk) => {
  if (kill !== undefined) open[kill]?.die()
  say({ asked } satisfies FleetAnswer)
})
say({ ports: open.map(({ port }) => port) })

function serve(index: number, { meanMs, workers, status }: EndpointSpec): Promise<Listening> {
  // Bounded by the connections of the one caller, which have one request each.
  const waiting: (() => void)[] = []
  let busy = 0
  const next = (): void => {
    busy--
    waiting.shift()?.()
  }
  return listen(({ path }, answer) => {
    if (path.startsWith('/measured')) asked[index] = (asked[index] ?? 0) + 1
    const work = (): void => {
      busy++
      setTimeout(
        () => {
          answer(answers[status])
          next()
        },
        meanMs * (0.5 + random()),
      )
    }
    if (busy < workers) work()
    else waiting.push(work)
  })
}
