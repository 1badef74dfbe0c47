// Several registries and a way between them that is late, doubles, reorders and loses; and what must hold of them in the end.
// Their machines' clocks have nothing to do with each other.
import assert from 'node:assert/strict'
import { VirtualClock } from '@switchgear/core/testing'
import fc from 'fast-check'
import type { Books } from '../../src/registry/books.ts'
import { type CatalogRecord, keyOf, stateOf } from '../../src/registry/record.ts'
import { booksOf, enter } from './samples.ts'

interface Message {
  readonly to: number
  readonly record: CatalogRecord
}

/** Who has gone is remembered for longer than any of these runs takes. */
export const bounds: { readonly tombstoneMs: number } = { tombstoneMs: 86_400_000 }

/** Registries on machines whose clocks have nothing to do with each other, and what is under way between them. */
export class Fleet {
  readonly clocks: VirtualClock[]
  readonly books: Books[]
  readonly underWay: Message[] = []
  /** Secrets by instance, the last that a registration gave first; and the latest incarnation that was ever accepted. */
  readonly secrets: Map<string, string[]> = new Map()
  readonly latest: Map<string, number> = new Map()
  readonly left: Map<string, number> = new Map()
  #secrets = 0

  constructor(size: number) {
    this.clocks = Array.from({ length: size }, (_, n) => new VirtualClock({ now: n * 77, wallOffset: 1e12 + n * 3e7 }))
    this.books = this.clocks.map(
      (clock, from) =>
        booksOf(`r${from}`, clock, bounds, ({ record }, news) => {
          if (news === 'health' || news === 'heard' || news === 'forgotten') return
          for (let to = 0; to < size; to++) if (to !== from) this.underWay.push({ to, record })
        }).books,
    )
  }

  /** Does something; what the books refuse was refused to whoever asked, and changes nothing. */
  attempt(run: () => void): boolean {
    try {
      run()
      return true
    } catch (error) {
      assert.match((error as { code: string }).code, /^SG_(NOT_REGISTERED|WRONG_SECRET|STALE_REGISTRATION)$/)
      return false
    }
  }

  register(at: number, id: string, incarnation: number | undefined): void {
    const secret = `secret ${++this.#secrets}`
    this.attempt(() => {
      const { books } = this
      const record = enter(books[at] as Books, secret, { id, incarnation })
      this.secrets.set(id, [secret, ...(this.secrets.get(id) ?? [])])
      this.latest.set(id, Math.max(this.latest.get(id) ?? 0, record.incarnation))
    })
  }

  heartbeat(at: number, id: string, life: number, ready: boolean | undefined): boolean {
    const secret = this.secrets.get(id)?.[life] ?? 'none'
    return this.attempt(() => this.books[at]?.heartbeat('orders', id, secret, ready))
  }

  deregister(at: number, id: string, life: number): void {
    const books = this.books[at] as Books
    const secret = this.secrets.get(id)?.[life] ?? 'none'
    if (!this.attempt(() => books.deregister('orders', id, secret))) return
    const incarnation = books.holding(`orders/${id}`)?.record.incarnation ?? 0
    this.left.set(id, Math.max(this.left.get(id) ?? 0, incarnation))
  }

  tick(at: number, ms: number): void {
    this.clocks[at]?.advanceSync(ms)
    this.books[at]?.advance()
  }

  deliver(pick: number, keep: boolean): void {
    const index = pick % Math.max(1, this.underWay.length)
    const message = this.underWay[index]
    if (message === undefined) return
    if (!keep) this.underWay.splice(index, 1)
    this.books[message.to]?.merge(message.record)
  }

  /** Everything to everybody, in an order of chance, and some of it again: what a lossy way owes in the end. */
  exchange(order: (count: number) => number): void {
    this.underWay.length = 0
    this.books.forEach((books, from) => {
      for (const { record } of books.holdings())
        for (let to = 0; to < this.books.length; to++) if (to !== from) this.underWay.push({ to, record })
    })
    const all = [...this.underWay, ...this.underWay.slice(0, 5)]
    while (all.length > 0) {
      const [message] = all.splice(order(all.length), 1)
      if (message !== undefined) this.books[message.to]?.merge(message.record)
    }
    this.underWay.length = 0
  }
}

const at = fc.nat({ max: 2 })
/** Ids of instances; few, so that they meet. */
export const id: fc.Arbitrary<string> = fc.constantFrom('a', 'b', 'c')
const life = fc.oneof({ arbitrary: fc.constant(0), weight: 5 }, { arbitrary: fc.nat({ max: 3 }), weight: 1 })
export type Step = (fleet: Fleet) => void
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(at, id, fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined })).map(
      ([r, i, n]): Step =>
        (fleet) =>
          fleet.register(r, i, n),
    ),
  },
  {
    weight: 5,
    arbitrary: fc.tuple(at, id, life, fc.constantFrom(undefined, true, false)).map(
      ([r, i, l, w]): Step =>
        (fleet) =>
          void fleet.heartbeat(r, i, l, w),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(at, id, life).map(
      ([r, i, l]): Step =>
        (fleet) =>
          fleet.deregister(r, i, l),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(at, fc.constantFrom(1000, 5000, 20_000, 50_000)).map(
      ([r, ms]): Step =>
        (fleet) =>
          fleet.tick(r, ms),
    ),
  },
  {
    weight: 8,
    arbitrary: fc.tuple(fc.nat(), fc.boolean()).map(
      ([pick, keep]): Step =>
        (fleet) =>
          fleet.deliver(pick, keep),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat().map(
      (pick): Step =>
        (fleet) =>
          void fleet.underWay.splice(pick % Math.max(1, fleet.underWay.length), 1),
    ),
  },
)

/** The records of books in one order; vectors say the same in any order. */
function known(books: Books): unknown[] {
  return [...books.holdings()].map(({ record }) => record).toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

/** What watchers see but for health, which is each registry's own sight of it. */
function seen(books: Books): unknown[] {
  return books.shown('orders').map(({ endpoint, incarnation }) => ({ endpoint, incarnation }))
}

const chances = fc.infiniteStream(fc.nat())

/** Whatever happens on the way, all end with the same books; the latest incarnation holds, and who left it has left. */
export const agreeing: fc.IProperty<[Step[], fc.Stream<number>]> = fc.property(
  fc.array(step, { maxLength: 80, size: 'max' }),
  chances,
  (steps, chance) => {
    const fleet = new Fleet(3)
    for (const one of steps) one(fleet)
    const order = (count: number): number => (chance.next().value ?? 0) % count
    fleet.exchange(order)
    const [first, ...others] = fleet.books as [Books, ...Books[]]
    for (const other of others) {
      assert.deepEqual(known(other), known(first))
      assert.deepEqual(seen(other), seen(first))
    }
    for (const { record } of first.holdings()) {
      assert.equal(record.incarnation, fleet.latest.get(record.id), 'the latest incarnation holds')
      if (fleet.left.get(record.id) === record.incarnation) assert.equal(stateOf(record), 'left')
    }
    const before = fleet.books.map(known)
    fleet.exchange(order)
    assert.deepEqual(fleet.books.map(known), before, 'more of the same changes nothing')
  },
)

/** One of them hears heartbeats while all the others hear nothing for long and give up whom they know: those heard stay. */
export const takingBack: fc.IProperty<[Step[], number, number, fc.Stream<number>]> = fc.property(
  fc.array(step, { maxLength: 60, size: 'max' }),
  at,
  at,
  chances,
  (steps, hears, lateMs, chance) => {
    const fleet = new Fleet(3)
    for (const one of steps) one(fleet)
    const order = (count: number): number => (chance.next().value ?? 0) % count
    fleet.exchange(order)
    const living = (fleet.books[hears] as Books).shown('orders').map(({ endpoint }) => endpoint.id)
    const heard = living.filter((one) => [0, 1, 2, 3].some((n) => fleet.heartbeat(hears, one, n, undefined)))
    for (const other of [0, 1, 2]) {
      if (other === hears) continue
      fleet.tick(other, 20_000 + lateMs)
      fleet.tick(other, 60_000)
    }
    fleet.exchange(order)
    for (const books of fleet.books) {
      const ids = books.shown('orders').map(({ endpoint }) => endpoint.id)
      for (const one of heard) assert.ok(ids.includes(one), `${one} was heard`)
    }
  },
)
