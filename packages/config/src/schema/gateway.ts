// The gateway: where it listens and which path leads to which service.
import type { Duration } from '@switchgear/core'
import type { RouteOptions } from '@switchgear/gateway'
import { z } from 'zod'
import { expecting } from './expectation.ts'
import { count, duration, option } from './field.ts'
import { isOwn, isPlain } from './route-path.ts'

/** What `gateway` holds, with the defaults of what decides where it is found and how it ends. */
export interface GatewayConfig {
  readonly host: string
  readonly port: number
  readonly drainTimeout: Duration
  readonly stallTimeout?: Duration | undefined
  readonly requestTimeout?: Duration | undefined
  readonly routes: readonly RouteOptions[]
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

const path = expecting(
  z.string().regex(/^\//).refine(isPlain),
  "a path of plain segments that begins with a slash, such as '/orders'",
)
  .refine((text) => !isOwn(text), { params: { expected: 'a path that the gateway does not answer itself' } })
  .meta({ description: "Prefix of whole segments: '/orders' serves /orders and /orders/7, not /orders2." })

const route = expecting(
  z.strictObject({
    path,
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
      description: 'How long a graceful stop lets requests finish.',
    }),
    stallTimeout: option(duration(1), 'How long a client may neither send nor read a byte.', '60s'),
    requestTimeout: option(duration(1), 'How long a client may take for a whole request, body included.', '5m'),
    routes: expecting(z.array(route).max(1000), 'a list of at most 1000 routes').meta({
      description: 'Which path leads to which service; the longest prefix wins.',
    }),
  }),
  "a mapping with the key 'routes'",
)
