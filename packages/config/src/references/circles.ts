// Circles of calls. A request that comes back to where it was would never end, so each circle is told at the call that
// closes it, with the whole way round. The walk keeps its own stack: a long chain of services must not exhaust the host's.
import type { Mistake } from '../judgement.ts'
import type { Path } from '../path.ts'
import { list, mapping } from './reading.ts'

type Mapping = Readonly<Record<string, unknown>>

/** What a scenario lays over the services. */
interface Overlay {
  readonly services: Mapping
  readonly path: Path
}

/** A service on the way, and the call that is looked at next. */
interface Step {
  readonly name: string
  readonly calls: readonly string[]
  next: number
}

/** All circles; with an overlay, those that are there only by its calls. */
export function circles(services: Mapping, over?: Overlay): Mistake[] {
  const changes = Object.values(over?.services ?? {}).some((service) => 'calls' in mapping(service))
  if (over !== undefined && (!changes || circles(services).length > 0)) return []
  const overlaid = (name: string): boolean => over !== undefined && 'calls' in mapping(own(over.services, name))
  const callsOf = (name: string): readonly string[] => {
    const holder = overlaid(name) ? over?.services : services
    return list(mapping(own(holder ?? {}, name))['calls']).map((call) => String(mapping(call)['to']))
  }
  const mistakes: Mistake[] = []
  const done = new Set<string>()
  for (const start of [...Object.keys(over?.services ?? {}), ...Object.keys(services)]) {
    walk(start, callsOf, done, (way) => {
      // Of the calls of the circle, the last that is new is to blame.
      const from = way.slice(0, -1).findLastIndex((name) => over === undefined || overlaid(name))
      const [name = '', to = ''] = way.slice(from, from + 2)
      const path = [...(over?.path ?? ['simulation']), 'services', name, 'calls', callsOf(name).indexOf(to), 'to']
      const message = `closes a circle of calls: ${way.join(' -> ')}`
      mistakes.push({ path, part: 'value', message, expected: 'calls that lead nowhere back' })
    })
  }
  return mistakes
}

function walk(
  start: string,
  callsOf: (name: string) => readonly string[],
  done: Set<string>,
  tell: (circle: readonly string[]) => void,
): void {
  if (done.has(start)) return
  const way: Step[] = [{ name: start, calls: callsOf(start), next: 0 }]
  const on = new Set([start])
  for (let step = way.at(-1); step !== undefined; step = way.at(-1)) {
    const to = step.calls[step.next++]
    if (to === undefined) {
      done.add(step.name)
      on.delete(step.name)
      way.pop()
    } else if (on.has(to)) {
      const names = way.map(({ name }) => name)
      tell([...names.slice(names.indexOf(to)), to])
    } else if (!done.has(to)) {
      way.push({ name: to, calls: callsOf(to), next: 0 })
      on.add(to)
    }
  }
}

function own(services: Mapping, name: string): unknown {
  return Object.hasOwn(services, name) ? services[name] : undefined
}
