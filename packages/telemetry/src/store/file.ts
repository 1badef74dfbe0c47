// The file of a span store: who may open it, what it may hold, how it is left. Invariant: one store per file (SQLite's exclusive
// lock); a file that is not ours, or newer than we are, is left as it was; a damaged one is renamed, never removed.
import { chmodSync, closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { SwitchgearError } from '@switchgear/core'
import { saysCorrupt, sqliteCode, storeError } from './errors.ts'
import type { Settings } from './options.ts'
import { applicationId, createTables, type Format, migrateTables } from './schema.ts'
import { loadSqlite } from './sqlite.ts'

/** Bytes of a page. */
export const pageBytes = 4096

/** How the byte cap is divided: what the log beside the database may take, and what is left for the database. */
export function divide(maxBytes: number): { readonly logBytes: number; readonly pages: number } {
  const logBytes = Math.min(8 * 1024 ** 2, Math.max(2 * 1024 ** 2, Math.floor(maxBytes / 8)))
  return { logBytes, pages: Math.floor((maxBytes - logBytes) / pageBytes) }
}

/**
 * Opens, makes or migrates the database. Throws `SG_STORE_LOCKED`, `SG_STORE_VERSION`, `SG_STORE_FOREIGN` or
 * `SG_STORE_FAILED`; a damaged file is set aside, told to `onProblem`, and replaced by an empty one.
 */
export function openDatabase(settings: Settings, format: Format): DatabaseSync {
  const { path, keep, onProblem } = settings
  if (path === undefined) return open('', settings, format)
  if (!keep) {
    // It is opened first, so that only a file of ours that nobody uses is removed.
    if (existsSync(path)) openOrSetAside(path, settings, format)?.close()
    removeFiles(path)
  }
  return openOrSetAside(path, settings, format) ?? open(path, settings, format)

  function openOrSetAside(path: string, settings: Settings, format: Format): DatabaseSync | undefined {
    try {
      return open(path, settings, format)
    } catch (error) {
      if (!saysCorrupt(error)) throw error
      tell(onProblem, setAside(path, settings.clock.wallNow(), error))
      return undefined
    }
  }
}

/** Renames a damaged file, and its log with it; answers the error that says so. Its database must be closed. */
export function setAside(path: string, wallMs: number, cause: unknown): SwitchgearError {
  const stamp = new Date(wallMs).toISOString().replaceAll(/[-:.]/g, '')
  let name = `${path}.corrupt-${stamp}`
  for (let n = 2; existsSync(name); n++) name = `${path}.corrupt-${stamp}-${n}`
  renameSync(path, name)
  if (existsSync(`${path}-wal`)) renameSync(`${path}-wal`, `${name}-wal`)
  return storeError('SG_STORE_CORRUPT', `the span store ${path} is damaged; it was set aside as ${name}`, cause)
}

/** Removes a store's files. */
export function removeFiles(path: string): void {
  for (const end of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${end}`, { force: true })
}

/** Hands a problem to a listener of the user, who must not be able to hurt the store. */
export function tell(onProblem: Settings['onProblem'], problem: SwitchgearError): void {
  try {
    onProblem(problem)
  } catch {
    // What a listener throws concerns nobody here: spans come in within a request.
  }
}

function open(path: string, settings: Settings, format: Format): DatabaseSync {
  let db: DatabaseSync | undefined
  try {
    // The mode is set before SQLite makes the file its own; SQLite gives the log the same.
    if (path !== '' && !existsSync(path)) closeSync(openSync(path, 'wx', 0o600))
    db = new (loadSqlite().DatabaseSync)(path, { timeout: 0, enableForeignKeyConstraints: false })
    const version = admit(db, path, format)
    if (path !== '') chmodSync(path, 0o600)
    prepare(db, path, settings)
    if (version === undefined) createTables(db, format)
    else if (version < format.version) {
      copyBefore(db, `${path}.v${version}`)
      migrateTables(db, version, format)
    }
    db.exec(`PRAGMA max_page_count = ${divide(settings.maxBytes).pages}`)
    return db
  } catch (error) {
    db?.close()
    if (saysCorrupt(error) || error instanceof SwitchgearError) throw error
    const locked = sqliteCode(error) === 5
    const said = error instanceof Error ? error.message : String(error)
    if (locked) throw storeError('SG_STORE_LOCKED', `another process has the span store ${path} open`, error)
    throw storeError('SG_STORE_FAILED', `the span store ${path || '(temporary)'} cannot be opened: ${said}`, error)
  }
}

function prepare(db: DatabaseSync, path: string, { maxBytes }: Settings): void {
  const { logBytes } = divide(maxBytes)
  // Incremental vacuum only serves a file that was made under a larger cap; it has to be chosen before the tables are made.
  db.exec(
    `PRAGMA page_size = ${pageBytes}; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -8192`,
  )
  // A temporary database has no log; its rollback journal may as well stay in memory. SQLite removes its file at once, so
  // that nothing is left of it even after a crash.
  if (path === '') db.exec('PRAGMA journal_mode = MEMORY')
  else {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
    const checkpointPages = Math.floor(logBytes / 2 / pageBytes)
    db.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}; PRAGMA journal_size_limit = ${Math.floor(logBytes / 2)}`)
    // Takes the lock now rather than at the first span.
    db.exec('BEGIN IMMEDIATE; COMMIT')
  }
}

/** The version of a database of ours, undefined of an empty one. It only reads: what is not ours stays as it is. */
function admit(db: DatabaseSync, path: string, format: Format): number | undefined {
  const tables = db.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count']
  if (tables === 0) return undefined
  if (numberOf(db, 'application_id') !== applicationId)
    throw storeError('SG_STORE_FOREIGN', `${path} is a database of another program, not a span store`)
  const version = numberOf(db, 'user_version')
  if (version > format.version)
    throw storeError(
      'SG_STORE_VERSION',
      `the span store ${path} has format ${version}, written by a newer Switchgear; this one reads up to ${format.version}`,
    )
  const said = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
  // The same code as SQLite's own, so that damage found by the check is treated like damage found on the way.
  if (said !== 'ok') throw Object.assign(new Error(String(said)), { errcode: 11 })
  return version
}

/** Keeps the file as it was before a migration. An existing copy stays: it is of an earlier try, so older and whole. */
function copyBefore(db: DatabaseSync, name: string): void {
  if (existsSync(name)) return
  const partial = `${name}-partial`
  rmSync(partial, { force: true })
  closeSync(openSync(partial, 'wx', 0o600))
  db.prepare('VACUUM INTO ?').run(partial)
  renameSync(partial, name)
}

/** A number that SQLite keeps of a database, such as `page_count`. */
export function numberOf(db: DatabaseSync, pragma: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0] ?? 0)
}
