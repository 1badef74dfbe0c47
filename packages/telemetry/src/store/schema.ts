// The tables of the span store and the versions they had. Invariant: a span's row id is its trace's id times `traceStride` plus
// its number in the trace, so that a trace lies together in the file, is read by one range, and is removed by one range.
import type { DatabaseSync } from 'node:sqlite'

/** 'SGSP', in the file's header: says that a database is a span store. */
export const applicationId = 0x53_47_53_50

/** Row ids of one trace. */
export const traceStride = 16_384

/** One step from a version to the next. */
export interface Migration {
  /** The version it starts from; it leads to the next. */
  readonly from: number
  readonly sql: string
}

/** The format that is written, and how older ones become it. */
export interface Format {
  readonly version: number
  readonly create: string
  readonly migrations: readonly Migration[]
}

// A text that many rows share stands once in `texts`, and rows hold its id. When that table is full, a row holds the text
// itself behind a '=', without which the column's affinity would turn a name such as '12' into an id.
const create = `
CREATE TABLE texts(id INTEGER PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE traces(
  id INTEGER PRIMARY KEY, trace_id BLOB NOT NULL UNIQUE,
  at REAL NOT NULL, start REAL NOT NULL, finish REAL NOT NULL,
  next INTEGER NOT NULL, spans INTEGER NOT NULL, errors INTEGER NOT NULL, bytes INTEGER NOT NULL, owner INTEGER NOT NULL,
  has_root INTEGER NOT NULL, root_service INTEGER, root_name INTEGER, reason INTEGER, weight REAL NOT NULL
);
CREATE INDEX traces_by_time ON traces(at);
CREATE INDEX traces_by_owner ON traces(owner);
CREATE TABLE visits(
  trace INTEGER NOT NULL, service INTEGER NOT NULL, at REAL NOT NULL,
  spans INTEGER NOT NULL, errors INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (trace, service)
) WITHOUT ROWID;
CREATE INDEX visits_by_service ON visits(service, at, trace);
CREATE TABLE spans(
  id INTEGER PRIMARY KEY, span_id BLOB NOT NULL, parent_id BLOB, service INTEGER NOT NULL, name INTEGER NOT NULL,
  kind INTEGER NOT NULL, status INTEGER NOT NULL, start REAL NOT NULL, duration INTEGER NOT NULL, flags INTEGER NOT NULL,
  scope INTEGER NOT NULL, resource INTEGER NOT NULL, peer INTEGER, attributes TEXT NOT NULL, extra TEXT
);`

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
