// One entry of /v1/health/service/:service as an endpoint. Everything here comes from a network: what is not as documented is left
// out if it can be, and the entry is left out if not. Whatever tags and meta say, only what fits the bounds of endpoints is kept.
import { endpoint, type Endpoint, type EndpointParts, mostMetadata, type Readiness } from '../endpoint.ts'
import { type Fields, fields, word } from '../polling/json-parts.ts'

/** An endpoint, or why an entry is none. */
export type Reading = { readonly endpoint: Endpoint } | { readonly problem: Error }

/** Largest weight that an endpoint can have. Consul allows 65 535. */
const largestWeight = 1000

/**
 * Reads the entries of an answer, in the order of their ids.
 *
 * - id: `<node>/<service id>`, because the id of a service is unique on its node only;
 * - address: `Service.Address`, else `Node.Address`; port: `Service.Port`;
 * - readiness: `draining` in maintenance, `unready` with a check that is critical, else `ready`;
 * - weight: `Service.Weights.Passing`, or `.Warning` with a check that warns; scaled down together when one exceeds 1000;
 * - zone: `Service.Meta.zone`, `Service.Locality.Zone`, `Node.Meta.zone`, `Node.Locality.Zone`, the first there is;
 * - version and scheme: `Service.Meta.version` and `Service.Meta.scheme`;
 * - metadata: `Service.Meta`, and `node`, `datacenter` and `tags` (joined by commas).
 *
 * @example
 * const readings = readInstances(JSON.parse(text), 'payments')
 */
export function readInstances(entries: readonly unknown[], service: string): readonly Reading[] {
  const parts = new Map<string, EndpointParts>()
  let anonymous = 0
  for (const entry of entries) {
    const made = partsOf(fields(entry))
    parts.set(made.id ?? `#${anonymous++}`, made)
  }
  let heaviest = largestWeight
  for (const { weight = 1 } of parts.values()) heaviest = Math.max(heaviest, weight)
  const sorted = [...parts].toSorted(([one], [other]) => (one < other ? -1 : 1))
  return sorted.map(([id, made]) => {
    try {
      const weight = ((made.weight ?? 1) * largestWeight) / heaviest
      return { endpoint: endpoint({ ...made, weight: heaviest === largestWeight ? made.weight : weight }, service) }
    } catch (error) {
      return { problem: new Error(`the instance ${id.slice(0, 80)} of ${service}`, { cause: error }) }
    }
  })
}

function partsOf(entry: Fields): EndpointParts {
  const node = fields(entry.Node)
  const service = fields(entry.Service)
  const meta = fields(service.Meta)
  const state = stateOf(entry.Checks)
  const weights = fields(service.Weights)
  return {
    id: idOf(node, service),
    // Not as documented, it stays undefined or of another type, and `endpoint` says so.
    address: (word(service.Address) ?? node.Address) as string,
    port: service.Port as number,
    scheme: meta.scheme === 'http' || meta.scheme === 'https' ? meta.scheme : undefined,
    zone:
      word(meta.zone) ??
      word(fields(service.Locality).Zone) ??
      word(fields(node.Meta).zone) ??
      word(fields(node.Locality).Zone),
    version: word(meta.version),
    weight: weightOf(state === 'warning' ? weights.Warning : weights.Passing),
    readiness: readinesses[state],
    metadata: metadataOf(meta, node, service.Tags),
  }
}

function idOf(node: Fields, service: Fields): string | undefined {
  const nodeName = word(node.Node)
  const id = word(service.ID)
  return nodeName === undefined || id === undefined ? undefined : word(`${nodeName}/${id}`)
}

function weightOf(weight: unknown): number {
  return typeof weight === 'number' && weight >= 0 && weight < Infinity ? weight : 1
}

type State = 'passing' | 'warning' | 'critical' | 'maintenance'

const readinesses: Readonly<Record<State, Readiness>> = {
  passing: 'ready',
  warning: 'ready',
  critical: 'unready',
  maintenance: 'draining',
}

/** The worst of the checks of instance and node. Maintenance is a critical check with an id of its own, and stands above all. */
function stateOf(checks: unknown): State {
  let worst: State = 'passing'
  for (const entry of Array.isArray(checks) ? checks : []) {
    const { CheckID: id, Status: status } = fields(entry)
    if (typeof id === 'string' && (id === '_node_maintenance' || id.startsWith('_service_maintenance'))) {
      if (status === 'critical' || status === 'maintenance') return 'maintenance'
    }
    if (status === 'warning') worst = worst === 'passing' ? 'warning' : worst
    // A status that is not known is nothing to rely on; unready endpoints still get traffic where there is nobody else.
    else if (status !== 'passing') worst = 'critical'
  }
  return worst
}

function metadataOf(meta: Fields, node: Fields, tags: unknown): Readonly<Record<string, string>> {
  const own: [string, string | undefined][] = [
    ['node', word(node.Node)],
    ['datacenter', word(node.Datacenter)],
    ['tags', Array.isArray(tags) ? word(tags.filter((tag) => typeof tag === 'string').join(',')) : undefined],
  ]
  const metadata: Record<string, string> = {}
  for (const [key, value] of own) if (value !== undefined) metadata[key] = value
  let room = mostMetadata - Object.keys(metadata).length
  // Sorted, so that the same ones are kept whatever order they come in.
  for (const key of Object.keys(meta).toSorted()) {
    const value = word(meta[key])
    if (room === 0) break
    if (value === undefined || word(key) === undefined || Object.hasOwn(metadata, key)) continue
    metadata[key] = value
    room--
  }
  return metadata
}
