// The front door of the protected shop: routes and policies come from switchgear.yaml, addresses from the parent.
import { loadConfig } from '@switchgear/config'
import { createGateway } from '@switchgear/gateway'
import { exchangeFacts } from '@switchgear/telemetry'
import { runChild } from '../child.ts'
import { relocate, tellTransitions } from '../outbound.ts'

runChild(async ({ order, tell, registry, telemetry, accessLog }) => {
  const config = await loadConfig(order.configPath)
  if (config.gateway === undefined) throw new Error(`${order.configPath} has no gateway`)
  const gateway = createGateway({
    ...config.gateway,
    port: order.port,
    services: relocate(config.services, order.origins),
    registry,
    // Those of the telemetry, so that /metrics has everything and nothing is counted twice.
    metrics: telemetry?.metrics,
    log: (record) => accessLog?.write(exchangeFacts(record)),
  })
  tellTransitions(registry, tell)
  const { url } = await gateway.start()
  return { origin: new URL(url).origin, stop: () => gateway.stop() }
})
