// One open database and everything that works on it: made together, replaced together when the file turns out to be damaged.
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { EncodedSpan } from './encoding.ts'
import { sqliteCode } from './errors.ts'
import { Eviction } from './eviction.ts'
import { openDatabase } from './file.ts'
import type { Ledger } from './ledger.ts'
import type { Settings } from './options.ts'
import { Reader } from './reader.ts'
import { format } from './schema.ts'
import { Texts } from './texts.ts'
import { Writer } from './writer.ts'

/** An open store. */
export class Engine {
  readonly db: DatabaseSync
  readonly texts: Texts
  readonly reader: Reader
  readonly eviction: Eviction
  readonly #writer: Writer
  readonly #ledger: Ledger
  readonly #begin: StatementSync
  readonly #commit: StatementSync

  /** Throws what `openDatabase` throws. */
  constructor(settings: Settings, ledger: Ledger) {
    const db = openDatabase(settings, format)
    const newest = Number(db.prepare('SELECT max(id) AS id FROM traces').get()?.['id'] ?? 0)
    this.db = db
    this.texts = new Texts(db, newest)
    this.reader = new Reader(db, this.texts)
    this.eviction = new Eviction(db, this.texts, ledger, settings.maxBytes, settings.maxShare)
    this.#writer = new Writer(db, this.texts, ledger, settings.maxTraceSpans, newest + 1)
    this.#ledger = ledger
    this.#begin = db.prepare('BEGIN IMMEDIATE')
    this.#commit = db.prepare('COMMIT')
    ledger.load(db, this.texts)
  }

  /** As `write`; where that fails for want of room, once more after the log was moved into the database and emptied. */
  writeOrMakeRoom(batch: readonly EncodedSpan[], bytes: number): number {
    try {
      return this.write(batch, bytes)
    } catch (error) {
      const code = sqliteCode(error)
      // SQLITE_FULL, and SQLITE_IOERR, which is what a quota or a limit on the size of files gives.
      if (code !== 13 && code !== 10) throw error
      this.db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      return this.write(batch, bytes)
    }
  }

  /** Makes room and writes, all or nothing. Throws what SQLite throws; then nothing has changed. Answers how many. */
  write(batch: readonly EncodedSpan[], bytes: number): number {
    const byTrace = new Map<string, EncodedSpan[]>()
    for (const encoded of batch) {
      const spans = byTrace.get(encoded.span.traceId)
      if (spans === undefined) byTrace.set(encoded.span.traceId, [encoded])
      else spans.push(encoded)
    }
    try {
      this.#begin.run()
      this.eviction.makeRoom(bytes, batch.length)
      const oldest = this.eviction.oldestTrace
      let stored = 0
      for (const [traceId, spans] of byTrace) stored += this.#writer.write(traceId, spans, oldest)
      this.#commit.run()
      this.#ledger.committed()
      this.texts.committed()
      return stored
    } catch (error) {
      this.#rollBack()
      throw error
    }
  }

  #rollBack(): void {
    try {
      this.db.exec('ROLLBACK')
    } catch {
      // SQLite rolls back by itself when the disk is full, and says here that there is nothing to roll back.
    }
    this.#ledger.rolledBack()
    this.texts.rolledBack()
  }

  /** Closes the file. */
  close(): void {
    this.db.close()
  }
}
