// The other side of Moleculer's calls: as many nodes as there are endpoints, in one process, with the same answers as the HTTP side.
import { argument, say } from '../child.ts'
import type { Answer } from './messages.ts'
import { brokerOf, portOf } from './broker.ts'
import { order } from './work.ts'

const { endpoints } = argument<{ readonly endpoints: number }>()
let served = 0
const ports: number[] = []
for (let index = 0; index < endpoints; index++) {
  const broker = brokerOf(`orders-${index}`, [], false)
  const answer = (): typeof order => {
    served++
    return order
  }
  broker.createService({ name: 'orders', actions: { get: answer, put: answer } })
  await broker.start()
  ports.push(portOf(broker))
}
process.on('message', () => say({ served } satisfies Answer))
say({ ports })
