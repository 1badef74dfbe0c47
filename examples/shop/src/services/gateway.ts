// The front door of the protected shop: routes and policies come from switchgear.yaml, addresses from the parent.
import { loadConfig } from '@switchgear/config'
import { Registry } from '@switchgear/core'
import { createGateway } from '@switchgear/gateway'
import { createMetrics } from '@switchgear/telemetry'
import { runChild } from '../child.ts'
import { relocate, tellTransitions } from '../outbound.ts'

runChild(async (order, tell) => {
  const config = await loadConfig(order.configPath)
  if (config.gateway === undefined) throw new Error(`${order.configPath} has no gateway`)
  const registry = new Registry()
  const gateway = createGateway({
    ...config.gateway,
    port: order.port,
    services: relocate(config.services, order.origins),
    registry,
    metrics: createMetrics({ registry }),
  })
  tellTransitions(registry, tell)
  const { url } = await gateway.start()
  return { origin: new URL(url).origin, stop: () => gateway.stop() }
})
