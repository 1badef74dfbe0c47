// Which paths and methods the registry's service has. Owns the match only; what is done stands in the handler. Invariant: a path
// that exists answers a wrong method with 405 and the right ones, everything else is 404.
import { badRequest, serviceName } from './errors.ts'
import { notFound, queryValues, type Target } from './screen.ts'

/** What a request wants. */
export type Route =
  | { readonly kind: 'services' }
  | { readonly kind: 'view'; readonly service: string }
  | { readonly kind: 'watch'; readonly services: readonly string[] }
  | { readonly kind: 'register' | 'deregister' | 'heartbeat'; readonly service: string; readonly id: string }

type Kind = Route['kind']

/** Paths with their methods; `:service` and `:id` stand for one segment. */
const table: readonly (readonly [path: string, methods: Readonly<Record<string, Kind>>])[] = [
  ['v1/services', { GET: 'services' }],
  ['v1/watch', { GET: 'watch' }],
  ['v1/services/:service', { GET: 'view' }],
  ['v1/services/:service/watch', { GET: 'watch' }],
  ['v1/services/:service/instances/:id', { PUT: 'register', DELETE: 'deregister' }],
  ['v1/services/:service/instances/:id/heartbeat', { POST: 'heartbeat' }],
]

const rows = table.map(([path, methods]) => ({ parts: path.split('/'), methods: new Map(Object.entries(methods)) }))

/** The route of a target. Throws `SG_REGISTRY_REQUEST`. */
export function routeOf(method: string, { segments, query }: Target): Route {
  const row = rows.find(({ parts }) => matches(parts, segments))
  if (row === undefined) throw notFound()
  const kind = row.methods.get(method)
  if (kind === undefined) {
    const allow = [...row.methods.keys()].join(', ')
    throw badRequest(405, `the methods of this path are ${allow}`, { allow })
  }
  const service = segmentOf(':service', row.parts, segments)
  const id = segmentOf(':id', row.parts, segments)
  if (service !== undefined && !serviceName.test(service)) throw badName()
  if (kind === 'watch' && service === undefined) return { kind, services: queryValues(query, 'service') }
  if (query !== '') throw badRequest(400, 'this path has no parameters')
  if (kind === 'watch') return { kind, services: [service ?? ''] }
  return { kind, service, id } as Route
}

/** 400. */
export function badName(): Error {
  return badRequest(400, 'a service is named by up to 253 letters, digits and - . _, not beginning with - or .')
}

function matches(parts: readonly string[], segments: readonly string[]): boolean {
  return parts.length === segments.length && parts.every((part, at) => part.startsWith(':') || part === segments[at])
}

function segmentOf(name: string, parts: readonly string[], segments: readonly string[]): string | undefined {
  const at = parts.indexOf(name)
  return at < 0 ? undefined : segments[at]
}
