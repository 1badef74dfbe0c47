// The tables of the registry's file and the versions they had. Invariant: a row holds everything of one instance, so that it is
// written, read and lost alone; the record is the same text that peers get.
import type { DatabaseSync } from 'node:sqlite'

/** 'SGRB', in the file's header: says that a database holds a registry's books. */
export const applicationId = 0x53_47_52_42

/** One step from a version to the next. */
export interface Migration {
  /** The version it starts from. */
  readonly from: number
  readonly sql: string
}

/** The format that is written, and how older ones become it. */
export interface Format {
  readonly version: number
  readonly create: string
  readonly migrations: readonly Migration[]
}

const create = `
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE instances(
  key TEXT PRIMARY KEY, record TEXT NOT NULL,
  lapsed INTEGER NOT NULL, well INTEGER, proven INTEGER NOT NULL, failure TEXT, since REAL
) WITHOUT ROWID;`

/** Version 1 is the first. */
export const format: Format = Object.freeze({ version: 1, create, migrations: [] })

/** Makes the tables in an empty database. */
export function createTables(db: DatabaseSync, { create: sql, version }: Format): void {
  db.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${version}; COMMIT`)
}

/** Brings the tables of version `from` to today's in one transaction. Throws when a step fails; then nothing has changed. */
export function migrateTables(db: DatabaseSync, from: number, { migrations, version }: Format): void {
  db.exec('BEGIN IMMEDIATE')
  try {
    for (let at = from; at < version; at++) {
      const step = migrations.find((migration) => migration.from === at)
      if (step === undefined) throw new Error(`no migration from version ${at}`)
      db.exec(step.sql)
    }
    db.exec(`PRAGMA user_version = ${version}; COMMIT`)
  } catch (error) {
    db.exec('ROLLBACK')
    throw error
  }
}
