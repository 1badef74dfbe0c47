// How node:sqlite is loaded, and what its errors say. Node 22 prints an ExperimentalWarning at the first load, which tells a
// user nothing; only that one is held back, and only during the synchronous load, so that no other can be lost.
import type * as Sqlite from 'node:sqlite'

/** node:sqlite, loaded at the first call: a registry in memory does not pay for it. */
export function loadSqlite(): typeof Sqlite {
  const emit = process.emitWarning
  const quiet = (warning: string | Error, ...rest: unknown[]): void => {
    if (rest[0] === 'ExperimentalWarning' && String(warning).includes('SQLite')) return
    Reflect.apply(emit, process, [warning, ...rest])
  }
  process.emitWarning = quiet
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = emit
  }
}

/** SQLite's primary result code of an error that node:sqlite threw; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  const code = error instanceof Error ? (error as { errcode?: unknown }).errcode : undefined
  return typeof code === 'number' ? code & 0xff : undefined
}

/** Whether the file is damaged (SQLITE_CORRUPT) or no database at all (SQLITE_NOTADB). */
export function saysCorrupt(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === 11 || code === 26
}

/** Whether there is no room: SQLITE_FULL, and SQLITE_IOERR, which is what a quota or a limit on file sizes gives. */
export function saysFull(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === 13 || code === 10
}
