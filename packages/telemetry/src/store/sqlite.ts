// How node:sqlite is loaded. Node 22 prints an ExperimentalWarning when it is first loaded, which tells a user of Switchgear
// nothing; only that one warning is held back, and only during the synchronous load, so that no other can be lost.
import type * as Sqlite from 'node:sqlite'

/** node:sqlite, loaded at the first call: who keeps no spans does not pay for it. */
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
