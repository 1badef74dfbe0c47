// The front door of a system: routes to services through the same policies as everywhere else.
export type { ExchangeRecord } from './exchange.ts'
export { createGateway, type Gateway } from './gateway.ts'
export type { GatewayOptions } from './options.ts'
export { gatewayErrors, type GatewayCode } from './problem.ts'
export type { RouteOptions } from './router.ts'
