// The books on disk. What is to be written waits by key, so that it is bounded by what the books hold and the last state wins;
// one commit writes all of it. Invariant: what cannot be written keeps waiting, is reported once, and never stops the serving;
// heartbeats are not written at all: after a restart every lease begins anew.
import { randomBytes } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Clock } from '@switchgear/core'
import { type OnProblem, registryError } from '../errors.ts'
import { hold, type Holding, show } from '../holding.ts'
import { keyOf } from '../record.ts'
import { decodeRecord, encodeRecord } from '../wire.ts'
import { openFile, setAside } from './file.ts'
import { type Format, format as today } from './schema.ts'
import { saysCorrupt, saysFull } from './sqlite.ts'

/** What a store needs. */
export interface StoreParts {
  readonly path: string
  readonly clock: Clock
  readonly onProblem: OnProblem
  /** All that the books hold, to be written again after a damaged file was replaced. */
  readonly everything: () => Iterable<Holding>
  /** For tests of migrations. */
  readonly format?: Format
}

/** The file of the books. */
export class Store {
  /** Whether it was there, whole, and every row could be read. Final once `load` was called. */
  intact: boolean
  readonly #parts: StoreParts
  readonly #format: Format
  #db: DatabaseSync
  #put: StatementSync
  #delete: StatementSync
  readonly #waiting: Map<string, Holding | undefined> = new Map()
  #failing = false

  /** Throws what `openFile` throws. */
  constructor(parts: StoreParts) {
    this.#parts = parts
    this.#format = parts.format ?? today
    const file = openFile(parts.path, this.#format, parts.clock.wallNow())
    if (file.problem !== undefined) parts.onProblem(file.problem)
    this.intact = file.intact
    this.#db = file.db
    this.#put = file.db.prepare(putRow)
    this.#delete = file.db.prepare(deleteRow)
  }

  /** Keys that wait to be written. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** The name of the registry, made with the file. */
  name(): string {
    const row = this.#db.prepare("SELECT value FROM meta WHERE name = 'name'").get()
    if (row !== undefined) return String(row['value'])
    const name = newName()
    this.#db.prepare("INSERT INTO meta(name, value) VALUES ('name', ?)").run(name)
    return name
  }

  /** What was written. A row that cannot be read is reported and left out; then the books are not intact. */
  load(): Holding[] {
    const holdings: Holding[] = []
    const now = this.#parts.clock.now()
    for (const row of this.#db.prepare('SELECT * FROM instances').all()) {
      try {
        holdings.push(holdingOf(row, now))
      } catch (error) {
        this.intact = false
        const message = `the row ${String(row['key'])} of the registry's file cannot be read`
        this.#parts.onProblem(registryError('SG_BOOKS_CORRUPT', message, error))
      }
    }
    return holdings
  }

  /** Marks a holding to be written at the next commit. */
  write(holding: Holding): void {
    this.#waiting.set(keyOf(holding.record), holding)
  }

  /** Marks a key to be removed at the next commit. */
  remove(key: string): void {
    this.#waiting.set(key, undefined)
  }

  /** Writes what waits, all or nothing. Never throws: what fails is reported once and tried again at the next commit. */
  commit(): void {
    if (this.#waiting.size === 0) return
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      for (const [key, holding] of this.#waiting) {
        if (holding === undefined) this.#delete.run(key)
        else this.#put.run(...rowOf(key, holding))
      }
      this.#db.exec('COMMIT')
      this.#waiting.clear()
      this.#failing = false
    } catch (error) {
      this.#rollBack()
      this.#failed(error)
    }
  }

  /** Writes what waits and closes the file. */
  close(): void {
    this.commit()
    if (this.#db.isOpen) this.#db.close()
  }

  #rollBack(): void {
    try {
      this.#db.exec('ROLLBACK')
    } catch {
      // SQLite rolls back by itself when the disk is full, and says here that there is nothing to roll back.
    }
  }

  #failed(error: unknown): void {
    const { path, clock, onProblem } = this.#parts
    if (saysCorrupt(error)) {
      try {
        this.#replace(setAsideOf(this.#db, path, clock.wallNow(), error))
        return
      } catch (next) {
        error = next
      }
    }
    if (this.#failing) return
    this.#failing = true
    const said = error instanceof Error ? error.message : String(error)
    const code = saysFull(error) ? 'SG_BOOKS_FULL' : 'SG_BOOKS_FAILED'
    onProblem(registryError(code, `the registry's file ${path} cannot be written: ${said}`, error))
  }

  /** A new file in place of a damaged one; memory has it all. */
  #replace(problem: ReturnType<typeof setAside>): void {
    const { path, clock, onProblem, everything } = this.#parts
    onProblem(problem)
    const { db } = openFile(path, this.#format, clock.wallNow())
    this.#db = db
    this.#put = db.prepare(putRow)
    this.#delete = db.prepare(deleteRow)
    this.#waiting.clear()
    for (const holding of everything()) this.write(holding)
  }
}

/** A name for a registry that was given none. */
export function newName(): string {
  return `r-${randomBytes(9).toString('hex')}`
}

const putRow =
  'INSERT OR REPLACE INTO instances(key, record, lapsed, well, proven, failure, since) VALUES (?, ?, ?, ?, ?, ?, ?)'
const deleteRow = 'DELETE FROM instances WHERE key = ?'

function setAsideOf(db: DatabaseSync, path: string, wallMs: number, cause: unknown): ReturnType<typeof setAside> {
  db.close()
  return setAside(path, wallMs, cause)
}

type Cell = string | number | null

function rowOf(key: string, { record, lapsed, wellByCheck, proven, failure, shown }: Holding): Cell[] {
  const well = wellByCheck === undefined ? null : Number(wellByCheck)
  return [key, encodeRecord(record), Number(lapsed), well, Number(proven), failure ?? null, shown?.since ?? null]
}

function holdingOf(row: Record<string, unknown>, now: number): Holding {
  const holding = hold(decodeRecord(String(row['record'])), now, false)
  const since = row['since']
  holding.lapsed = row['lapsed'] === 1
  if (holding.wellByCheck !== undefined) holding.wellByCheck = row['well'] === 1
  holding.proven = row['proven'] === 1
  holding.passing = holding.wellByCheck === true
  holding.failure = typeof row['failure'] === 'string' ? row['failure'] : undefined
  // Shown as of then, so that health that has not changed keeps the time since when it is so.
  if (typeof since === 'number') show(holding, since)
  return holding
}
