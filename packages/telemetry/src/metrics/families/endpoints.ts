// What is known of the endpoints of services: how many in which state, who was ejected and why, whether discovery is up to date. It
// reads what clients and gateways keep anyway. Invariant: a service that two sources have is shown once, with their sum.
import type { NumberFamily, NumberSeries } from '../family.ts'

/** The endpoints of one service, as whoever calls it holds them. */
export interface EndpointSource {
  readonly service: string
  readonly views: readonly { readonly state: string }[]
  /** Whether so many are ejected that all are used. */
  readonly isPanicking: boolean
  /** Whether what is known of them is not what their source says now. */
  readonly isStale: boolean
  /** Monotone, by reason. */
  readonly ejections: Readonly<Record<string, number>>
}

/** Endpoint states that always have a series, so that a panel shows 0 and not a gap. */
const states = ['healthy', 'ejected', 'absent', 'draining', 'unready']

/**
 * The sources that are shown, and their families.
 *
 * @example
 * const endpoints = new ShownEndpoints()
 * for (const family of endpoints.families) instruments.collect(family)
 * const hide = endpoints.show(source)
 */
export class ShownEndpoints {
  readonly families: readonly NumberFamily[]
  readonly #sources = new Set<EndpointSource>()

  constructor() {
    const of = (
      type: NumberFamily['type'],
      name: string,
      help: string,
      label: string | undefined,
      read: (source: EndpointSource) => Iterable<readonly [label: string, value: number]>,
    ): NumberFamily => ({
      type,
      name,
      help,
      labelNames: label === undefined ? ['service'] : ['service', label],
      series: () => this.#sums(read, label !== undefined),
    })
    this.families = [
      of('gauge', 'switchgear_endpoints', 'Endpoints of a service by state.', 'state', ({ views }) => [
        ...states.map((state) => [state, 0] as const),
        ...views.map(({ state }) => [state, 1] as const),
      ]),
      of(
        'counter',
        'switchgear_endpoint_ejections_total',
        'Endpoints that were left out for a while.',
        'reason',
        ({ ejections }) =>
          Object.entries(ejections).map(([reason, count]) => [reason.replaceAll('-', '_'), count] as const),
      ),
      of(
        'gauge',
        'switchgear_endpoints_panicking',
        '1 while so many endpoints are ejected that they are used all the same.',
        undefined,
        ({ isPanicking }) => [['', Number(isPanicking)]],
      ),
      of(
        'gauge',
        'switchgear_discovery_stale',
        '1 while what is known of the endpoints is not what discovery says now.',
        undefined,
        ({ isStale }) => [['', Number(isStale)]],
      ),
    ]
  }

  /** Shows the endpoints of a service from now on; the answer ends it. */
  show(source: EndpointSource): () => void {
    this.#sources.add(source)
    return () => void this.#sources.delete(source)
  }

  #sums(
    read: (source: EndpointSource) => Iterable<readonly [label: string, value: number]>,
    labelled: boolean,
  ): NumberSeries[] {
    const services = new Map<string, Map<string, number>>()
    for (const source of this.#sources) {
      const sums = services.get(source.service) ?? new Map<string, number>()
      services.set(source.service, sums)
      for (const [label, value] of read(source)) sums.set(label, (sums.get(label) ?? 0) + value)
    }
    return [...services].flatMap(([service, sums]) =>
      [...sums].map(([label, value]) => ({ labels: labelled ? [service, label] : [service], value })),
    )
  }
}
