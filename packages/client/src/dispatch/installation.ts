// Which dispatcher `fetch` and undici's clients use when nobody names one. There are two places, because undici 8 (Node 26) talks to
// handlers in other words than 6 and 7 (Node 22 and 24) and keeps its own apart; newer releases of 7 look at both. Invariant: what
// stood there is put back exactly, unless somebody else has set another one meanwhile.
import type { Dispatcher } from 'undici'

// By convention of undici, the same in every copy of it.
const places = [Symbol.for('undici.globalDispatcher.2'), Symbol.for('undici.globalDispatcher.1')] as const

/**
 * Makes `face(previous)` the dispatcher in each place, where `previous` is what stood there, for what is not ours. Answers what takes
 * it back.
 */
export function installDispatcher(face: (previous: Dispatcher) => Dispatcher): () => void {
  const host = globalThis as unknown as Record<symbol, Dispatcher | undefined>
  const restores = places.map((place) => {
    const previous = host[place]
    // Undici, which we import, has filled both; without one there is no fetch that would look there.
    if (previous === undefined) return () => undefined
    const ours = face(previous)
    host[place] = ours
    return () => {
      if (host[place] === ours) host[place] = previous
    }
  })
  return () => restores.forEach((restore) => restore())
}
