// The collector of the shop's traces: a process of its own, so that receiving and storing never disturbs the load and its
// measuring. The store is temporary and bounded, and is gone with the process.
import { createCollector } from 'switchgear/collector'
import { runChild } from '../child.ts'

runChild(async ({ order }) => {
  const collector = createCollector({
    receiver: { port: order.port },
    store: { maxBytes: '64mb' },
    questionPort: 0,
  })
  await collector.start()
  const origin = (port: number | undefined): string => `http://127.0.0.1:${port}`
  return { origin: origin(collector.port), questions: origin(collector.questionPort), stop: () => collector.stop() }
})
