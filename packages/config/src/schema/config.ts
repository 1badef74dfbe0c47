// The schema of switchgear.yaml as a whole, and the same as JSON Schema for editors.
import type { ExternalOptions, ServiceOptions } from '@switchgear/client'
import type { SharedSpec } from '@switchgear/core'
import { z } from 'zod'
import { discovery } from './discovery.ts'
import type { DiscoveryConfig } from './discovery-config.ts'
import { expecting } from './expectation.ts'
import { option } from './field.ts'
import { gateway, type GatewayConfig } from './gateway.ts'
import { word } from './place.ts'
import { external, externalHost, service, serviceName } from './service.ts'
import { shared } from './shared.ts'
import { simulation, type SimulationConfig } from './simulation.ts'

/** A valid configuration, frozen, with the defaults of the gateway filled in. */
export interface Config {
  readonly gateway?: GatewayConfig | undefined
  readonly services: Readonly<Record<string, ServiceOptions>>
  /** Hosts outside that are guarded, by their names. */
  readonly external?: Readonly<Record<string, ExternalOptions>> | undefined
  /** Where the processes of this file run: endpoints of the same zone are preferred. */
  readonly zone?: string | undefined
  /** Where services are found that name no endpoints. It only describes. */
  readonly discovery?: DiscoveryConfig | undefined
  /** What policies of several services name as shared; `sharedFrom` makes it. */
  readonly shared?: SharedSpec | undefined
  /** The world in which outages are played; `simulatedModel` is what the simulator takes. */
  readonly simulation?: SimulationConfig | undefined
}

/** switchgear.yaml. */
export const config: z.ZodType<Config> = expecting(
  z.strictObject({
    gateway: gateway.optional().meta({ description: 'The front door; without it there is none.' }),
    services: expecting(z.record(serviceName, service), 'a mapping from names to services').meta({
      description: 'The services by name.',
    }),
    external: option(
      expecting(z.record(externalHost, external), 'a mapping from hosts to options'),
      'Hosts outside that are guarded, such as api.example.com.',
    ),
    zone: option(word, 'Where the processes run: endpoints of the same zone are preferred.'),
    discovery: option(discovery, 'Where services are found that name no endpoints.'),
    shared: shared.optional().meta({ description: 'What several services share on purpose.' }),
    simulation: simulation.optional().meta({ description: 'The world in which outages are played.' }),
  }),
  "a mapping with the keys 'services' and, as needed, 'gateway', 'external', 'zone', 'discovery', 'shared' and 'simulation'",
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
