// Records, registrations and books for the registry's tests.
import { VirtualClock } from '@switchgear/core/testing'
import fc from 'fast-check'
import { Books, type News } from '../../src/registry/books.ts'
import { boundsOf, type CatalogBounds } from '../../src/registry/bounds.ts'
import type { Registration } from '../../src/registry/catalog.ts'
import type { Holding } from '../../src/registry/holding.ts'
import { Journal } from '../../src/registry/journal.ts'
import type { Beats, CatalogRecord } from '../../src/registry/record.ts'
import { type Facts, factsOf } from '../../src/registry/registration.ts'
import { hashOf } from '../../src/registry/secret.ts'

export const seed: number = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

export const orders: Registration = { service: 'orders', id: 'a', endpoint: { address: '127.0.0.1', port: 8080 } }

export function registration(parts: Partial<Registration> = {}): Registration {
  return { ...orders, ...parts }
}

export function facts(parts: Partial<Registration> = {}): Facts {
  return factsOf(registration(parts))
}

/** Books on a virtual clock, and what they told. */
export function booksOf(
  name: string,
  clock: VirtualClock = new VirtualClock(),
  bounds: Partial<CatalogBounds> = {},
  told: (holding: Holding, news: News) => void = () => {},
): { books: Books; journal: Journal; clock: VirtualClock } {
  const all = boundsOf(bounds, 'bounds')
  const journal = new Journal(all)
  return { books: new Books({ name, clock, bounds: all, journal, told, standstillMs: Infinity }), journal, clock }
}

/** Registers with a secret that the test chooses. */
export function enter(books: Books, secret: string, parts: Partial<Registration> = {}): CatalogRecord {
  const entry = registration(parts)
  return books.register(entry, factsOf(entry), hashOf(secret))
}

const sample = facts()
const beats = (): fc.Arbitrary<Beats> =>
  fc.dictionary(fc.constantFrom('r1', 'r2', 'constructor', '__proto__x'), fc.integer({ min: 0, max: 4 }), {
    maxKeys: 3,
    noNullPrototype: true,
  })

/** Records of one instance, close enough to each other to meet in every way. */
export const anyRecord: fc.Arbitrary<CatalogRecord> = fc.record(
  {
    service: fc.constant('orders'),
    id: fc.constant('a'),
    incarnation: fc.integer({ min: 0, max: 2 }),
    edition: fc.integer({ min: 0, max: 2 }),
    secretHash: fc.constantFrom(hashOf('x'), hashOf('y')),
    facts: fc.constant(sample),
    beats: beats(),
    expiry: fc.option(beats(), { nil: undefined }),
    left: fc.boolean(),
    ready: fc.boolean(),
    turn: fc.integer({ min: 0, max: 2 }),
  },
  { noNullPrototype: true },
)
