// The registry's file: who may open it, what it may hold, how it is left. Invariant: one registry per file (SQLite's exclusive
// lock); a file that is not ours, or newer than we are, is left as it was; a damaged one is renamed, never removed.
import { chmodSync, closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { SwitchgearError } from '@switchgear/core'
import { registryError } from '../errors.ts'
import { applicationId, createTables, type Format, migrateTables } from './schema.ts'
import { loadSqlite, saysCorrupt, saysFull, sqliteCode } from './sqlite.ts'

/** An open file. */
export interface OpenFile {
  readonly db: DatabaseSync
  /** False when there was no file, or a damaged one: then nothing of before is known. */
  readonly intact: boolean
  /** Says that a damaged file was set aside. */
  readonly problem: SwitchgearError | undefined
}

/**
 * Opens, makes or migrates the file. Throws `SG_BOOKS_LOCKED`, `SG_BOOKS_VERSION`, `SG_BOOKS_FOREIGN`, `SG_BOOKS_FULL` or
 * `SG_BOOKS_FAILED`; a damaged one is set aside as `<path>.corrupt-<time>` and replaced by an empty one.
 */
export function openFile(path: string, format: Format, wallMs: number): OpenFile {
  const existed = existsSync(path)
  try {
    const { db, empty } = open(path, format)
    return { db, intact: existed && !empty, problem: undefined }
  } catch (error) {
    if (!saysCorrupt(error)) throw error
    const problem = setAside(path, wallMs, error)
    return { db: open(path, format).db, intact: false, problem }
  }
}

/** Renames a damaged file, and its log with it; answers the error that says so. Its database must be closed. */
export function setAside(path: string, wallMs: number, cause: unknown): SwitchgearError {
  const stamp = new Date(wallMs).toISOString().replaceAll(/[-:.]/g, '')
  let name = `${path}.corrupt-${stamp}`
  for (let n = 2; existsSync(name); n++) name = `${path}.corrupt-${stamp}-${n}`
  renameSync(path, name)
  for (const end of ['-wal', '-journal']) if (existsSync(`${path}${end}`)) renameSync(`${path}${end}`, `${name}${end}`)
  return registryError('SG_BOOKS_CORRUPT', `the registry's file ${path} is damaged; it was set aside as ${name}`, cause)
}

function open(path: string, format: Format): { readonly db: DatabaseSync; readonly empty: boolean } {
  let db: DatabaseSync | undefined
  try {
    // The mode is set before SQLite makes the file its own: hashes of secrets and addresses are nobody else's business.
    if (!existsSync(path)) closeSync(openSync(path, 'wx', 0o600))
    db = new (loadSqlite().DatabaseSync)(path, { timeout: 0 })
    const version = admit(db, path, format)
    chmodSync(path, 0o600)
    db.exec('PRAGMA trusted_schema = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL')
    // NORMAL: what is committed outlives the process, and the file stays whole after a power cut. The registrations of the
    // last moments before that may be missing; such an instance is told so at its next heartbeat and registers again.
    db.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 500; PRAGMA journal_size_limit = 4194304')
    // Takes the lock now rather than at the first instance.
    db.exec('BEGIN IMMEDIATE; COMMIT')
    if (version === undefined) createTables(db, format)
    else if (version < format.version) {
      copyBefore(db, `${path}.v${version}`)
      migrateTables(db, version, format)
    }
    return { db, empty: version === undefined }
  } catch (error) {
    db?.close()
    if (saysCorrupt(error) || error instanceof SwitchgearError) throw error
    throw openError(path, error)
  }
}

function openError(path: string, error: unknown): SwitchgearError {
  const said = error instanceof Error ? error.message : String(error)
  if (sqliteCode(error) === 5)
    return registryError('SG_BOOKS_LOCKED', `another process has the registry's file ${path} open`, error)
  const code = saysFull(error) ? 'SG_BOOKS_FULL' : 'SG_BOOKS_FAILED'
  return registryError(code, `the registry's file ${path} cannot be opened: ${said}`, error)
}

/** The version of a file of ours, undefined of an empty one. It only reads: what is not ours stays as it is. */
function admit(db: DatabaseSync, path: string, format: Format): number | undefined {
  const tables = db.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count']
  if (tables === 0) return undefined
  if (numberOf(db, 'application_id') !== applicationId)
    throw registryError('SG_BOOKS_FOREIGN', `${path} is a database of another program, not a registry's`)
  const version = numberOf(db, 'user_version')
  if (version > format.version)
    throw registryError(
      'SG_BOOKS_VERSION',
      `the registry's file ${path} has format ${version}, written by a newer Switchgear; this one reads up to ${format.version}`,
    )
  const said = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
  // SQLite's own code, so that damage found by the check is treated like damage found on the way.
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

function numberOf(db: DatabaseSync, pragma: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0] ?? 0)
}
