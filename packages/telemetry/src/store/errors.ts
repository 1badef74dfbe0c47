// What can go wrong with the span store, and what is documented of it. A question that is wrong or a file that cannot be used
// is thrown to whoever asked or opened; what happens while spans come in is only ever reported, never thrown.
import { type ErrorEntry, SwitchgearError } from '@switchgear/core'

/** The codes of the span store. */
export type StoreCode =
  | 'SG_BAD_QUERY'
  | 'SG_STORE_CLOSED'
  | 'SG_STORE_CORRUPT'
  | 'SG_STORE_FAILED'
  | 'SG_STORE_FOREIGN'
  | 'SG_STORE_FULL'
  | 'SG_STORE_LOCKED'
  | 'SG_STORE_VERSION'

/** What the documentation says of each. */
export const storeErrors: readonly ErrorEntry[] = [
  {
    code: 'SG_BAD_QUERY',
    title: 'A question to the span store is wrong.',
    advice: 'The message names the field, its bound and the value it got. Nothing was searched.',
  },
  {
    code: 'SG_STORE_CLOSED',
    title: 'The span store was closed.',
    advice: 'A question came after close(), or close() came while it was being answered.',
  },
  {
    code: 'SG_STORE_CORRUPT',
    title: "The span store's file is damaged.",
    advice:
      'The file was renamed to the name in the message and a new, empty one was begun. Spans in it are lost to the store; ' +
      'the sqlite3 tool (".recover") may still read some. Look for a failing disk or for something that copied over the file.',
  },
  {
    code: 'SG_STORE_FAILED',
    title: 'The span store could not use its file.',
    advice:
      'The cause says why: often a missing folder, or no permission. Requests go on; spans are dropped and counted.',
  },
  {
    code: 'SG_STORE_FOREIGN',
    title: 'The file is a database of another program.',
    advice: 'The span store only touches files that it made. Give it another path.',
  },
  {
    code: 'SG_STORE_FULL',
    title: 'There is no room on the disk for more spans.',
    advice:
      'New spans are dropped and counted until there is room again; requests are not affected. Free space on the disk or ' +
      'lower maxBytes.',
  },
  {
    code: 'SG_STORE_LOCKED',
    title: 'Another process has the span store open.',
    advice: 'A file belongs to one store at a time. Stop the other process, or give each its own path.',
  },
  {
    code: 'SG_STORE_VERSION',
    title: "The span store's file was written by a newer Switchgear.",
    advice: 'It was left as it is. Use a Switchgear at least as new, or another path.',
  },
]

/** Builds an error of the store. */
export function storeError(code: StoreCode, message: string, cause?: unknown): SwitchgearError {
  return new SwitchgearError(code, message, cause === undefined ? {} : { cause })
}

/** SQLite's primary result code of an error that node:sqlite threw; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  const code = error instanceof Error ? (error as { errcode?: unknown }).errcode : undefined
  return typeof code === 'number' ? code & 0xff : undefined
}

/** Whether the error says that the file is damaged (SQLITE_CORRUPT) or is no database at all (SQLITE_NOTADB). */
export function saysCorrupt(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === 11 || code === 26
}
