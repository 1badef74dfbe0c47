// The schema of switchgear.yaml as a whole, and the same as JSON Schema for editors.
import type { ServiceOptions } from '@switchgear/client'
import { z } from 'zod'
import { expecting } from './expectation.ts'
import { gateway, type GatewayConfig } from './gateway.ts'
import { service, serviceName } from './service.ts'

/** A valid configuration, frozen, with the defaults of the gateway filled in. */
export interface Config {
  readonly gateway?: GatewayConfig | undefined
  readonly services: Readonly<Record<string, ServiceOptions>>
}

/** switchgear.yaml. */
export const config: z.ZodType<Config> = expecting(
  z.strictObject({
    gateway: gateway.optional().meta({ description: 'The front door; without it there is none.' }),
    services: expecting(z.record(serviceName, service), 'a mapping from names to services').meta({
      description: 'The services by name.',
    }),
  }),
  "a mapping with the keys 'services' and, if there is one, 'gateway'",
)

/**
 * The JSON Schema (draft 2020-12) of switchgear.yaml, with which editors complete and check it. A new object each time.
 *
 * @example
 * writeFileSync('switchgear.schema.json', JSON.stringify(jsonSchema()))
 * // and in the file: # yaml-language-server: $schema=./switchgear.schema.json
 */
export function jsonSchema(): Record<string, unknown> {
  // What is read, not what comes out: a key with a default may be left out.
  return { ...z.toJSONSchema(config, { io: 'input' }), title: 'switchgear.yaml' }
}
