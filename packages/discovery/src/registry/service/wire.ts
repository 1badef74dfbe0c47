// What the registry says of instances, as JSON. Owns both directions, so that they cannot drift apart. Invariant: only the fields
// named here are told, whatever the books hold beside them; and nothing that was read is believed before it was checked.
import { SwitchgearError } from '@switchgear/core'
import { endpoint } from '../../endpoint.ts'
import type { CatalogChange, CatalogInstance, CatalogView } from '../catalog.ts'
import { serviceName } from './errors.ts'

/** In the head of a watch: how often its reader hears something, so that it knows what silence is. */
export const heartbeatHeader = 'switchgear-heartbeat-ms'
/** Whoever promises to be heard more rarely is not believed. */
export const longestHeartbeatMs = 60_000
/** Services of one watch. */
export const mostWatched = 64
/** Instances that are believed of one service; more is no service but a mistake. */
const mostInstances = 20_000

/** A service that is not told, and why. */
export interface RefusedService {
  readonly service: string
  readonly code: string
  readonly detail: string
}

/** A view as it is told. */
export function shownView({ service, epoch, index, instances, complete }: CatalogView): object {
  return { service, epoch, index, complete, instances: instances.map(shownInstance) }
}

/** A change as it is told. */
export function shownChange({ index, service, id, kind, instance }: CatalogChange): object {
  return { index, service, id, kind, ...(instance === undefined ? {} : { instance: shownInstance(instance) }) }
}

function shownInstance({ endpoint: known, incarnation, health, reason, since }: CatalogInstance): object {
  const { id, address, port, scheme, zone, weight, version, metadata, readiness } = known
  const shown = { id, address, port, scheme, zone, weight, version, metadata, readiness }
  return { endpoint: shown, incarnation, health, reason, since }
}

/** A view that was told. Throws `SG_REGISTRY_ANSWER`. */
export function readView(text: string): CatalogView {
  return believed('a view', () => {
    const { service, epoch, index, complete, instances } = parsed(text)
    demand(isName(service) && typeof epoch === 'string' && isIndex(index) && typeof complete === 'boolean')
    demand(Array.isArray(instances) && instances.length <= mostInstances)
    return { service, epoch, index, complete, instances: instances.map(readInstance) }
  })
}

/** A change that was told. Throws `SG_REGISTRY_ANSWER`. */
export function readChange(text: string): CatalogChange {
  return believed('a change', () => {
    const { service, index, id, kind, instance } = parsed(text)
    demand(isName(service) && isIndex(index) && typeof id === 'string')
    demand(kind === 'put' || kind === 'left' || kind === 'expired')
    const read = instance === undefined ? undefined : readInstance(instance)
    demand(read === undefined ? kind !== 'put' : read.endpoint.id === id)
    return { service, index, id, kind, instance: read }
  })
}

/** Whether a service is complete. Throws `SG_REGISTRY_ANSWER`. */
export function readComplete(text: string): { readonly service: string; readonly complete: boolean } {
  return believed('a word on completeness', () => {
    const { service, complete } = parsed(text)
    demand(isName(service) && typeof complete === 'boolean')
    return { service, complete }
  })
}

/** A service that is refused. Throws `SG_REGISTRY_ANSWER`. */
export function readRefused(text: string): RefusedService {
  return believed('a refusal', () => {
    const { service, code, detail } = parsed(text)
    demand(isName(service) && typeof code === 'string' && /^SG_[A-Z_]{1,60}$/.test(code) && typeof detail === 'string')
    return { service, code, detail: detail.slice(0, 500) }
  })
}

/** What was not understood of a registry. `cause` never holds more than the beginning of what it said. */
export function senseless(expected: string, cause?: unknown): SwitchgearError {
  return new SwitchgearError('SG_REGISTRY_ANSWER', `the registry's answer is not ${expected}`, { cause })
}

function readInstance(value: unknown): CatalogInstance {
  demand(isRecord(value) && isRecord(value.endpoint))
  const { incarnation, health, reason, since } = value
  demand(isIndex(incarnation) && typeof since === 'number' && Number.isFinite(since))
  demand(health === 'healthy' || health === 'unhealthy')
  demand(reason === undefined || typeof reason === 'string')
  // `endpoint` checks each field, whatever it is.
  const parts = value.endpoint as unknown as Parameters<typeof endpoint>[0]
  demand(typeof parts.id === 'string')
  demand(parts.metadata === undefined || isRecord(parts.metadata))
  return { endpoint: endpoint(parts, 'instance'), incarnation, health, reason: reason?.slice(0, 500), since }
}

function believed<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw senseless(what, error)
  }
}

function parsed(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text)
  demand(isRecord(value))
  return value
}

function demand(holds: boolean): asserts holds {
  if (!holds) throw new Error('a field is missing or of another kind')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && serviceName.test(value)
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
