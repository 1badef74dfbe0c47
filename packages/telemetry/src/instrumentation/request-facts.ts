// What many requests have in common: method, route and status as one shared set of attributes, with the name of the span.
// Invariant: at most `maxFacts` sets are kept, however many methods, routes and hosts there are; the rest is made for one
// request and counted. Looked up once per request, so no text is put together to find them.
import { AttributeSet } from '../trace/attribute-set.ts'
import type { AttributeValue } from '../trace/span-data.ts'

/** The methods that may be shown as they are; all others are `_OTHER`. */
const knownMethods: ReadonlySet<string> = new Set(
  'CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' '),
)
/** What an unknown method is called. */
export const otherMethod = '_OTHER'

/** `method`, when the conventions know it, else `_OTHER`. */
export function knownMethod(method: string): string {
  return knownMethods.has(method) ? method : otherMethod
}

/** What is said of all requests of one method, place and status. */
export interface RequestFacts {
  readonly name: string
  readonly attributes: AttributeSet
  /** From the status: undefined where that tells of no error. */
  readonly errorType: string | undefined
  /** As in `http.request.method`. */
  readonly method: string
  /** As it came, which is what the facts are found by. */
  readonly original: string
  readonly status: number
  /** The end of the name. */
  readonly target: string | undefined
}

/** How full the caches of an instrumentation are. */
export class FactsBudget {
  readonly maxFacts: number
  /** Longer texts of attributes are cut. */
  readonly maxLength: number
  /** Sets that are kept. */
  kept: number = 0
  /** Requests whose set was made for them alone. Monotone. */
  overflows: number = 0

  constructor(maxFacts: number, maxLength: number = Infinity) {
    this.maxFacts = maxFacts
    this.maxLength = maxLength
  }

  /** Whether one more may be kept; never where it would be lost anyway. */
  take(canKeep: boolean): boolean {
    if (canKeep && this.kept < this.maxFacts) {
      this.kept++
      return true
    }
    this.overflows++
    return false
  }
}

/**
 * The facts of one place, by method and status. A place is a route of a server or the host of a client.
 *
 * @example
 * new PlaceFacts(budget, '/orders/:id', { 'http.route': '/orders/:id' }, 500).of('GET', 200).name // 'GET /orders/:id'
 */
export class PlaceFacts {
  readonly #byMethod = new Map<string, Map<number, RequestFacts>>()
  readonly #budget: FactsBudget
  readonly #target: string | undefined
  readonly #attributes: Readonly<Record<string, AttributeValue>>
  readonly #errorsFrom: number
  readonly #isKept: boolean

  /**
   * `target` ends the name of spans; statuses of `errorsFrom` and more are errors. A place that is not kept itself, because
   * there are too many, keeps nothing.
   */
  constructor(
    budget: FactsBudget,
    target: string | undefined,
    attributes: Readonly<Record<string, AttributeValue>>,
    errorsFrom: number,
    isKept = true,
  ) {
    this.#budget = budget
    this.#target = target
    this.#attributes = attributes
    this.#errorsFrom = errorsFrom
    this.#isKept = isKept
  }

  /** `status` is 0 where there was none. */
  of(method: string, status: number): RequestFacts {
    const byStatus = this.#byMethod.get(method)
    return byStatus?.get(status) ?? this.#keep(byStatus, method, status)
  }

  #keep(byStatus: Map<number, RequestFacts> | undefined, method: string, status: number): RequestFacts {
    const facts = this.#make(method, status)
    // Whoever sends requests can make methods up: those must not fill the cache.
    if (facts.method === otherMethod || !this.#budget.take(this.#isKept)) return facts
    if (byStatus === undefined) this.#byMethod.set(method, new Map([[status, facts]]))
    else byStatus.set(status, facts)
    return facts
  }

  #make(original: string, status: number): RequestFacts {
    const method = knownMethod(original)
    const verb = method === otherMethod ? 'HTTP' : method
    const attributes: Record<string, AttributeValue> = { 'http.request.method': method, ...this.#attributes }
    if (method !== original) attributes['http.request.method_original'] = original
    const errorType = status >= this.#errorsFrom ? String(status) : undefined
    if (status > 0) attributes['http.response.status_code'] = status
    if (errorType !== undefined) attributes['error.type'] = errorType
    const name = this.#target === undefined ? verb : `${verb} ${this.#target}`
    const shared = new AttributeSet(attributes, this.#budget.maxLength)
    return { name, attributes: shared, errorType, method, original, status, target: this.#target }
  }
}

/** The facts of all routes of the servers. */
export class RouteFacts {
  readonly #byRoute = new Map<string | undefined, PlaceFacts>()
  readonly #budget: FactsBudget

  constructor(budget: FactsBudget) {
    this.#budget = budget
  }

  of(method: string, route: string | undefined, status: number): RequestFacts {
    return (this.#byRoute.get(route) ?? this.#place(route)).of(method, status)
  }

  #place(route: string | undefined): PlaceFacts {
    const isKept = this.#byRoute.size < this.#budget.maxFacts
    const attributes = route === undefined ? undefined : { 'http.route': route }
    const place = new PlaceFacts(this.#budget, route, attributes ?? {}, 500, isKept)
    if (isKept) this.#byRoute.set(route, place)
    return place
  }
}
