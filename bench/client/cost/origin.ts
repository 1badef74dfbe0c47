// The server of the HTTP callers, in a process of its own: some endpoints, each with the same answer to everything.
import { listen, response } from '../wire.ts'
import { argument, say } from '../child.ts'
import type { Answer } from './messages.ts'
import { orderJson } from './work.ts'

const { endpoints } = argument<{ readonly endpoints: number }>()
const answer = response('200 OK', orderJson)
let served = 0
const ports: number[] = []
for (let index = 0; index < endpoints; index++) {
  const { port } = await listen((_, reply) => {
    served++
    reply(answer)
  })
  ports.push(port)
}
process.on('message', () => say({ served } satisfies Answer))
say({ ports })
