// What this process says of itself: the attributes that every span and every metric of it carries. Invariant: `service.name` is
// always there. Sources, the later winning: the process, the environment, the code.
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Attributes, Resource } from '../trace/span-data.ts'

/** What the code says of the process. */
export interface ServiceIdentity {
  readonly service?: string | undefined
  readonly version?: string | undefined
  readonly attributes?: Attributes | undefined
}

/**
 * Makes the resource of this process.
 *
 * @example
 * resourceOf({ service: 'orders' }, {}, process.env).attributes['service.name'] // 'orders'
 */
export function resourceOf(
  { service, version, attributes }: ServiceIdentity,
  fromEnvironment: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>>,
): Resource {
  // npm sets it for scripts; OpenTelemetry's own word for a service without a name comes last.
  const name = environment['npm_package_name'] ?? 'unknown_service:node'
  const given: Record<string, string> = {}
  if (service !== undefined) given['service.name'] = service
  if (version !== undefined) given['service.version'] = version
  return {
    attributes: Object.freeze({
      'service.name': name,
      'service.instance.id': randomUUID(),
      'host.name': hostname(),
      'process.pid': process.pid,
      'process.runtime.name': 'nodejs',
      'process.runtime.version': process.versions.node,
      'telemetry.sdk.name': 'switchgear',
      'telemetry.sdk.language': 'nodejs',
      'telemetry.sdk.version': sdkVersion,
      ...fromEnvironment,
      ...attributes,
      ...given,
    }),
  }
}

/** Version of this package. A test holds it to package.json, which an app's bundler may not bring along. */
export const sdkVersion = '0.1.0'
