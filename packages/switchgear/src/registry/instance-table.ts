// What a registry knows, for people: one line for each instance, and one for each change. Whoever registered chose the texts, so
// that nothing of them may move the cursor.
import { stripVTControlCharacters } from 'node:util'
import { duration } from '../quantity.ts'
import { table } from '../table.ts'
import type { Look } from '../terminal.ts'
import { counted, fitted, printable } from '../tracing/text.ts'
import type { RegistryView } from './source.ts'

type Instance = RegistryView['instances'][number]

const widest = 32

/**
 * The table of `switchgear endpoints`, as lines; `wallMs` is now.
 *
 * @example
 * for (const line of instanceTable(views, terminal, Date.now())) terminal.print(line)
 */
export function instanceTable(
  views: readonly RegistryView[],
  { paint }: Pick<Look, 'paint'>,
  wallMs: number,
): string[] {
  if (views.length === 0) return ['no services are registered']
  const head = ['service', 'instance', 'address', 'health', 'for', 'zone', 'version', 'weight']
  const rows = views.flatMap(({ service, instances }) =>
    instances.length === 0
      ? [[fitted(service, widest), '(none)']]
      : instances.map((instance) => [fitted(service, widest), ...cells(instance, wallMs)]),
  )
  const left = head.map((name) => (name === 'for' || name === 'weight' ? 'right' : 'left') as 'left' | 'right')
  const [top = '', ...lines] = table([head, ...rows], left, 2)
  const reasons = views.flatMap(({ service, instances }) =>
    instances
      .filter(({ reason }) => reason !== undefined)
      .map(({ endpoint, reason = '' }) => paint('yellow', said(`${service} ${endpoint.id}: ${reason}`))),
  )
  const partial = views.filter(({ complete }) => !complete).map(({ service }) => service)
  const many = views.reduce((sum, { instances }) => sum + instances.length, 0)
  return [
    paint('dim', top),
    ...lines,
    ...(reasons.length > 0 ? ['', ...reasons] : []),
    '',
    paint('dim', `${counted(many, 'instance')} of ${counted(views.length, 'service')}`),
    ...(partial.length > 0
      ? [
          paint(
            'dim',
            `there may be more of ${partial.map((name) => printable(name)).join(', ')}: the registry has just started, or is cut off from its peers`,
          ),
        ]
      : []),
  ]
}

/**
 * What is different between two looks, as lines.
 *
 * @example
 * changes(before, now) // ['orders orders-2: healthy -> unhealthy (no heartbeat)']
 */
export function changes(before: readonly RegistryView[], now: readonly RegistryView[]): string[] {
  const [old, young] = [byName(before), byName(now)]
  const names = [...new Set([...old.keys(), ...young.keys()])].toSorted()
  return names.flatMap((name) => {
    const [had, has] = [old.get(name), young.get(name)]
    if (has === undefined) return [said(`${name}: gone`)]
    const what = describe(has)
    if (had === undefined) return [said(`${name}: new, ${what}`)]
    const was = describe(had)
    return was === what ? [] : [said(`${name}: ${was} -> ${what}`)]
  })
}

function byName(views: readonly RegistryView[]): ReadonlyMap<string, Instance> {
  return new Map(
    views.flatMap(({ service, instances }) =>
      instances.map((instance) => [`${service} ${instance.endpoint.id}`, instance] as const),
    ),
  )
}

function describe({ endpoint, health, reason }: Instance): string {
  const { address, port, readiness } = endpoint
  const state = health === 'healthy' && readiness !== 'ready' ? `${health}, ${readiness}` : health
  const why = reason === undefined ? '' : ` (${reason})`
  return `${state} at ${host(address)}:${port}${why}`
}

function cells({ endpoint, health, since }: Instance, wallMs: number): string[] {
  const { id, address, port, zone = '-', version = '-', weight, readiness } = endpoint
  const state = health === 'healthy' && readiness !== 'ready' ? readiness : health
  return [
    fitted(id, widest),
    fitted(`${host(address)}:${port}`, widest + 16),
    state,
    // Clocks of two machines differ a little.
    duration(Math.max(0, wallMs - since)),
    fitted(zone, widest / 2),
    fitted(version, widest / 2),
    String(weight),
  ]
}

function host(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}

function said(text: string): string {
  return printable(stripVTControlCharacters(text))
}
