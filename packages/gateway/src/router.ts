// From a normalised path and a method to a route. Owns the table; built once, never changed. Invariant: the longest prefix
// of whole segments wins, whatever the order of the routes, and a method that it does not serve is 405, not a shorter prefix:
// otherwise a rule for `/orders/internal` would be walked around by choosing another method.
import { OptionsError } from '@switchgear/core'
import { parseTarget } from './path.ts'

/** One rule of the table. */
export interface RouteOptions {
  /** Prefix of whole segments: '/orders' serves /orders and /orders/7, not /orders2. '/' serves everything else. */
  readonly path: string
  /** Name of the service that answers. */
  readonly service: string
  /** Whether the prefix is cut off before forwarding. Default false. */
  readonly stripPrefix?: boolean | undefined
  /** Methods served, upper case. GET brings HEAD with it. Default: every method. */
  readonly methods?: readonly string[] | undefined
}

/** A checked rule. */
export interface Route {
  readonly path: string
  readonly service: string
  readonly stripPrefix: boolean
  readonly methods: ReadonlySet<string> | undefined
}

/** What the table says of a request. */
export type Match =
  | { readonly kind: 'found'; readonly route: Route }
  | { readonly kind: 'missing' }
  | { readonly kind: 'wrong method'; readonly path: string; readonly allow: readonly string[] }

/** Answered by the gateway itself and never routed. */
export const ownPaths: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics'])

/**
 * The routing table.
 *
 * @example
 * const router = new Router([{ path: '/orders', service: 'orders', methods: ['GET'] }])
 * router.match('GET', '/orders/7') // { kind: 'found', … }
 * router.match('POST', '/orders') // { kind: 'wrong method', path: '/orders', allow: ['GET', 'HEAD'] }
 */
export class Router {
  readonly #byPrefix = new Map<string, Route[]>()
  /** Segments of the longest prefix: deeper parts of a path are not looked at, so that a long path costs no more. */
  #depth = 0

  /** Throws `SG_BAD_OPTIONS` naming the route. Whether its service exists is for the caller to check. */
  constructor(routes: readonly RouteOptions[]) {
    routes.forEach((options, index) =>
      this.#add(checked(options, `gateway.routes[${index}]`), `gateway.routes[${index}]`),
    )
  }

  match(method: string, path: string): Match {
    const routes = this.#longest(path)
    if (routes === undefined) return { kind: 'missing' }
    for (const route of routes) {
      if (route.methods === undefined || route.methods.has(method)) return { kind: 'found', route }
    }
    const allow = new Set(routes.flatMap((route) => [...(route.methods ?? [])]))
    return { kind: 'wrong method', path: routes[0]?.path ?? '', allow: [...allow] }
  }

  #longest(path: string): Route[] | undefined {
    let end = 0
    for (let segments = 0; segments < this.#depth && end < path.length; segments++) {
      const slash = path.indexOf('/', end + 1)
      end = slash < 0 ? path.length : slash
    }
    for (; end > 0; end = path.lastIndexOf('/', end - 1)) {
      const routes = this.#byPrefix.get(path.slice(0, end))
      if (routes !== undefined) return routes
    }
    return this.#byPrefix.get('/')
  }

  #add(route: Route, at: string): void {
    const routes = this.#byPrefix.get(route.path) ?? []
    for (const other of routes) {
      const shared = sharedMethod(route, other)
      if (shared !== undefined)
        throw new OptionsError(`${at}: ${shared} ${route.path} already leads to "${other.service}"`)
    }
    this.#byPrefix.set(route.path, [...routes, route])
    this.#depth = Math.max(this.#depth, route.path.split('/').length - 1)
  }
}

/** The path as the service sees it. */
export function forwardedPath(route: Route, path: string): string {
  if (!route.stripPrefix || route.path === '/') return path
  return path.slice(route.path.length) || '/'
}

function checked({ path, service, stripPrefix, methods }: RouteOptions, at: string): Route {
  const target = parseTarget(path)
  if (target.kind === 'bad') throw new OptionsError(`${at}.path: ${target.reason}, got "${path}"`)
  if (target.query !== '') throw new OptionsError(`${at}.path must not hold a query, got "${path}"`)
  const prefix = target.path.length > 1 && target.path.endsWith('/') ? target.path.slice(0, -1) : target.path
  if (ownPaths.has(prefix))
    throw new OptionsError(`${at}.path: the gateway answers ${prefix} itself, it cannot be routed`)
  return { path: prefix, service, stripPrefix: stripPrefix ?? false, methods: checkedMethods(methods, at) }
}

function checkedMethods(methods: readonly string[] | undefined, at: string): ReadonlySet<string> | undefined {
  if (methods === undefined) return undefined
  if (methods.length === 0)
    throw new OptionsError(`${at}.methods must name at least one method, or be left out for all`)
  for (const method of methods) {
    if (!/^[A-Z][A-Z-]*$/.test(method))
      throw new OptionsError(`${at}.methods must be upper case names, got "${method}"`)
  }
  // Who may read a thing may ask for its head (RFC 9110, 9.3.2).
  return new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods)
}

function sharedMethod(a: Route, b: Route): string | undefined {
  if (a.methods === undefined) return b.methods === undefined ? 'every method of' : [...b.methods][0]
  if (b.methods === undefined) return [...a.methods][0]
  const both = b.methods
  return [...a.methods].find((method) => both.has(method))
}
