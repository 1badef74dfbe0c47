// A source whose words a test says.
import { type Endpoint, endpoint } from '../../src/endpoint.ts'
import type { Resolver, Snapshot, Watcher, Watching } from '../../src/resolver.ts'

/** `10.0.0.n:80` with the id `n`, and whatever else is given. */
export function instance(id: string, parts: { zone?: string; port?: number; address?: string } = {}): Endpoint {
  return endpoint({ id, address: `${id}.test`, port: 80, ...parts }, id)
}

export function complete(...ids: readonly string[]): Snapshot {
  return { endpoints: ids.map((id) => instance(id)), complete: true }
}

export class ScriptedResolver implements Resolver {
  readonly name: string
  readonly watchers = new Map<string, Set<Watcher>>()
  watches = 0
  isClosed = false

  constructor(name = 'script') {
    this.name = name
  }

  watch(service: string, watcher: Watcher): Watching {
    this.watches++
    const all = this.watchers.get(service) ?? new Set()
    this.watchers.set(service, all.add(watcher))
    return {
      close: () => {
        all.delete(watcher)
        if (all.size === 0) this.watchers.delete(service)
      },
    }
  }

  found(service: string, snapshot: Snapshot): void {
    for (const watcher of this.watchers.get(service) ?? []) watcher.found(snapshot)
  }

  failed(service: string, error: Error = new Error('down')): void {
    for (const watcher of this.watchers.get(service) ?? []) watcher.failed(error)
  }

  close(): Promise<void> {
    this.isClosed = true
    this.watchers.clear()
    return Promise.resolve()
  }
}
