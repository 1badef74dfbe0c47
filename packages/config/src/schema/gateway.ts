// The gateway: where it listens and which path leads to which service.
import type { Duration } from '@switchgear/core'
import { z } from 'zod'
import { expecting } from './expectation.ts'
import { count, duration, option } from './field.ts'

/** What one item of `gateway.routes` holds. */
export interface RouteConfig {
  /** Prefix of whole segments: '/orders' serves /orders and /orders/7, not /orders2. */
  readonly path: string
  readonly service: string
  readonly stripPrefix?: boolean | undefined
  readonly methods?: readonly string[] | undefined
}

/** What `gateway` holds, defaults filled in. */
export interface GatewayConfig {
  readonly host: string
  readonly port: number
  readonly drainTimeout: Duration
  readonly routes: readonly RouteConfig[]
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

const route = expecting(
  z.strictObject({
    path: expecting(z.string().regex(/^\//), 'a path that begins with a slash').meta({
      description: "Prefix of whole segments: '/orders' serves /orders and /orders/7, not /orders2.",
    }),
    service: expecting(z.string(), 'the name of a service').meta({ description: 'The service that answers.' }),
    stripPrefix: option(z.boolean(), 'Whether the prefix is cut off before forwarding.', false),
    methods: option(
      expecting(z.array(z.enum(methods)).min(1), 'a list of at least one method'),
      'Methods served; GET brings HEAD with it. Without it: all.',
    ),
  }),
  "a mapping with the keys 'path' and 'service'",
)

/** The gateway. */
export const gateway: z.ZodType<GatewayConfig> = expecting(
  z.strictObject({
    host: expecting(z.string().min(1), 'a host name or an address').default('127.0.0.1').meta({
      description: 'The address to listen on. Only loopback unless told otherwise.',
    }),
    port: expecting(count(0, 65_535), 'a port in [0, 65535]').default(8080).meta({
      description: 'The port to listen on; 0 takes a free one.',
    }),
    drainTimeout: duration(0).default('10s').meta({
      description: 'How long a graceful stop waits for calls in flight.',
    }),
    routes: expecting(z.array(route).max(1000), 'a list of at most 1000 routes').meta({
      description: 'Which path leads to which service; the longest prefix wins.',
    }),
  }),
  "a mapping with the key 'routes'",
)
