// The file of a store: restart, modes, one store per file, versions, foreign and damaged files, and the silence of node:sqlite.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { SwitchgearError } from '@switchgear/core'
import { storeErrors } from '../../src/store/errors.ts'
import { openDatabase } from '../../src/store/file.ts'
import { settingsOf } from '../../src/store/options.ts'
import { format } from '../../src/store/schema.ts'
import { openSpanStore } from '../../src/store/span-store.ts'
import { request, span, traceIdOf } from './spans.ts'

const folder = mkdtempSync(join(tmpdir(), 'span-store-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
const newPath = (): string => join(folder, `spans-${files++}.db`)

function filled(path: string, traces = 50): void {
  const store = openSpanStore({ path })
  for (let n = 0; n < traces; n++) store.add(request(n))
  store.close()
}

test('spans, counts and names survive a restart', async () => {
  const path = newPath()
  filled(path)
  const store = openSpanStore({ path })
  const { spans, traces, stored, services } = store.totals
  assert.deepEqual([spans, traces, stored], [200, 50, 0])
  assert.ok((services['orders']?.bytes ?? 0) > 10_000)
  assert.ok((services['orders']?.ownedBytes ?? 0) + (services['gateway']?.ownedBytes ?? 0) > 30_000)
  assert.deepEqual(store.spans(traceIdOf(7)), request(7))
  assert.equal((await store.find({ service: 'orders', limit: 1000 })).traces.length, 50)
  // A late span finds its trace, and a new trace gets an id of its own.
  store.add([span({ trace: 7, id: 9, parent: 0 }), span({ trace: 99 }), ...request(7)])
  assert.deepEqual([store.totals.traces, store.totals.dropped.duplicate, store.spans(traceIdOf(7)).length], [51, 4, 5])
  store.close()
})

test('what was added survives a process that is killed', () => {
  const path = newPath()
  const code = `
    import { openSpanStore } from ${JSON.stringify(new URL('../../src/store/span-store.ts', import.meta.url).href)}
    import { request } from ${JSON.stringify(new URL('spans.ts', import.meta.url).href)}
    const store = openSpanStore({ path: ${JSON.stringify(path)} })
    for (let n = 0; n < 20; n++) store.add(request(n))
    process.kill(process.pid, 'SIGKILL')`
  const { signal } = spawnSync(
    process.execPath,
    ['--conditions=@switchgear/source', '--input-type=module', '-e', code],
    { timeout: 20_000 },
  )
  assert.equal(signal, 'SIGKILL')
  const store = openSpanStore({ path })
  assert.equal(store.totals.spans, 80)
  store.close()
})

test('without keep the file is emptied at the start and removed at the end', () => {
  const path = newPath()
  filled(path)
  const store = openSpanStore({ path, keep: false })
  assert.equal(store.totals.spans, 0)
  store.add(request(1))
  store.close()
  assert.deepEqual(
    readdirSync(folder).filter((name) => path.endsWith(name)),
    [],
  )
})

test('without a path nothing is left in the temporary folder', () => {
  const temporary = mkdtempSync(join(tmpdir(), 'span-store-'))
  const code = `
    import { openSpanStore } from ${JSON.stringify(new URL('../../src/store/span-store.ts', import.meta.url).href)}
    import { request } from ${JSON.stringify(new URL('spans.ts', import.meta.url).href)}
    import { readdirSync } from 'node:fs'
    const store = openSpanStore()
    for (let n = 0; n < 20_000; n++) store.add(request(n))
    console.log(store.totals.spans, readdirSync(${JSON.stringify(temporary)}).length)
    process.kill(process.pid, 'SIGKILL')`
  const env = { ...process.env, SQLITE_TMPDIR: temporary }
  const options = { timeout: 25_000, env, encoding: 'utf8' } as const
  const { stdout } = spawnSync(
    process.execPath,
    ['--conditions=@switchgear/source', '--input-type=module', '-e', code],
    options,
  )
  assert.equal(stdout, '80000 0\n')
  assert.deepEqual(readdirSync(temporary), [])
  rmSync(temporary, { recursive: true })
})

test('only the user may read the files', { skip: process.platform === 'win32' }, () => {
  const path = newPath()
  const store = openSpanStore({ path })
  store.add(request(1))
  for (const end of ['', '-wal']) assert.equal(statSync(path + end).mode & 0o777, 0o600)
  store.close()
  chmodSync(path, 0o644)
  openSpanStore({ path }).close()
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('a file belongs to one store at a time', () => {
  const path = newPath()
  const first = openSpanStore({ path })
  first.add(request(1))
  const second = { code: 'SG_STORE_LOCKED', message: `another process has the span store ${path} open` }
  assert.throws(() => openSpanStore({ path }), second)
  assert.throws(() => openSpanStore({ path, keep: false }), second)
  const href = new URL('../../src/store/span-store.ts', import.meta.url).href
  const code = `import { openSpanStore } from ${JSON.stringify(href)}
    try { openSpanStore({ path: ${JSON.stringify(path)} }) } catch (error) { console.log(error.code) }`
  const args = ['--conditions=@switchgear/source', '--input-type=module', '-e', code]
  assert.equal(execFileSync(process.execPath, args, { timeout: 20_000, encoding: 'utf8' }), 'SG_STORE_LOCKED\n')
  first.add(request(2))
  first.close()
  const third = openSpanStore({ path })
  assert.equal(third.totals.spans, 8)
  third.close()
})

test('a newer file is refused by name and left as it is', () => {
  const path = newPath()
  filled(path)
  const db = new DatabaseSync(path)
  db.exec('PRAGMA user_version = 7; PRAGMA journal_mode = DELETE')
  db.close()
  const before = readFileSync(path)
  const refused = {
    code: 'SG_STORE_VERSION',
    message: /has format 7, written by a newer Switchgear; this one reads up to 1$/,
  }
  assert.throws(() => openSpanStore({ path }), refused)
  assert.throws(() => openSpanStore({ path, keep: false }), refused)
  assert.deepEqual(readFileSync(path), before)
})

test('the database of another program is refused and left as it is', () => {
  const path = newPath()
  const db = new DatabaseSync(path)
  db.exec('CREATE TABLE invoices(id INTEGER)')
  db.close()
  chmodSync(path, 0o640)
  const before = readFileSync(path)
  assert.throws(() => openSpanStore({ path, keep: false }), { code: 'SG_STORE_FOREIGN' })
  assert.throws(() => openSpanStore({ path }), { code: 'SG_STORE_FOREIGN', message: /not a span store/ })
  assert.deepEqual(readFileSync(path), before)
  assert.equal(statSync(path).mode & 0o777, 0o640)
})

test('an older file is migrated after a copy; a migration that fails changes nothing', () => {
  const path = newPath()
  filled(path)
  const newer = {
    ...format,
    version: 3,
    migrations: [
      { from: 1, sql: "ALTER TABLE traces ADD COLUMN tenant TEXT NOT NULL DEFAULT ''" },
      { from: 2, sql: 'UPDATE no_such_table SET x = 1' },
    ],
  }
  const settings = settingsOf({ path })
  assert.throws(() => openDatabase(settings, newer), { code: 'SG_STORE_FAILED', message: /no_such_table/ })
  filled(path, 0)
  assert.ok(existsSync(`${path}.v1`))
  const fixed = {
    ...newer,
    migrations: [newer.migrations[0] ?? { from: 1, sql: '' }, { from: 2, sql: 'UPDATE traces SET tenant = 7' }],
  }
  const db = openDatabase(settings, fixed)
  assert.equal(db.prepare('PRAGMA user_version').get()?.['user_version'], 3)
  assert.deepEqual(
    { ...db.prepare('SELECT count(*) AS count, min(tenant) AS tenant FROM traces').get() },
    { count: 50, tenant: '7' },
  )
  db.close()
  assert.throws(() => openSpanStore({ path }), { code: 'SG_STORE_VERSION' })
  assert.equal(statSync(`${path}.v1`).mode & 0o777, 0o600)
  const copy = openSpanStore({ path: `${path}.v1` })
  assert.equal(copy.totals.spans, 200)
  copy.close()
  const gap = { ...format, version: 2, migrations: [] }
  assert.throws(() => openDatabase(settingsOf({ path: `${path}.v1` }), gap), { message: /no migration from version 1/ })
})

const damages: Record<string, (path: string) => void> = {
  'is no database': (path) => writeFileSync(path, 'not a database at all '.repeat(1000)),
  'lost its end': (path) => truncateSync(path, 40_000),
  'has a hole': (path) => {
    const bytes = readFileSync(path)
    bytes.fill(0xa5, 8192, bytes.length - 4096)
    writeFileSync(path, bytes)
  },
}

for (const [damage, inflict] of Object.entries(damages)) {
  test(`a file that ${damage} is set aside and reported`, () => {
    const path = newPath()
    filled(path, 300)
    inflict(path)
    const damaged = readFileSync(path)
    const problems: SwitchgearError[] = []
    const store = openSpanStore({ path, onProblem: (problem) => problems.push(problem) })
    assert.equal(store.totals.spans, 0)
    assert.deepEqual(store.add(request(1)), { stored: 4, dropped: 0 })
    store.close()
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['SG_STORE_CORRUPT'],
    )
    const aside = problems[0]?.message.split(' as ').at(-1) ?? ''
    assert.match(aside, /spans-\d+\.db\.corrupt-\d{8}T\d{9}Z$/)
    assert.deepEqual(readFileSync(aside), damaged)
  })
}

test('damage that shows up later: the file is set aside, the store goes on empty, a listener that throws is no matter', async () => {
  const path = newPath()
  filled(path, 2000)
  const problems: string[] = []
  const onProblem = ({ code }: SwitchgearError): void => {
    problems.push(code)
    throw new Error('a bad listener')
  }
  const store = openSpanStore({ path, onProblem })
  // Something else writes over the pages that are not in the cache.
  const bytes = readFileSync(path)
  bytes.fill(0xa5, 4096)
  const other = `${path}-other`
  writeFileSync(other, bytes)
  copyFileSync(other, path)
  const failures: unknown[] = []
  for (let n = 0; n < 2000; n++) {
    try {
      store.spans(traceIdOf(n))
    } catch (error) {
      failures.push(error)
      break
    }
  }
  assert.ok(failures[0] instanceof SwitchgearError && failures[0].code === 'SG_STORE_FAILED')
  assert.deepEqual(problems, ['SG_STORE_CORRUPT'])
  assert.deepEqual([store.totals.spans, store.add(request(1)).stored, (await store.find()).traces.length], [0, 4, 1])
  store.close()
})

test('a name that SQLite would take for something else is a file', () => {
  const before = process.cwd()
  process.chdir(folder)
  try {
    for (const path of [':memory:', 'file:x?mode=memory']) {
      const store = openSpanStore({ path })
      store.add(request(1))
      store.close()
      assert.ok(statSync(join(folder, path)).size > 4096)
    }
  } finally {
    process.chdir(before)
  }
})

test('a path that cannot be opened is told with its cause', () => {
  const path = join(folder, 'no', 'such', 'folder', 'spans.db')
  assert.throws(() => openSpanStore({ path }), { code: 'SG_STORE_FAILED', message: /cannot be opened: ENOENT/ })
})

test('node:sqlite is loaded without its warning, and other warnings come through', () => {
  const href = new URL('../../src/store/sqlite.ts', import.meta.url).href
  const code = `import { loadSqlite } from ${JSON.stringify(href)}
    const before = process.emitWarning
    loadSqlite()
    console.log(process.emitWarning === before)
    process.emitWarning('another one')`
  const args = ['--conditions=@switchgear/source', '--input-type=module', '-e', code]
  const { stdout, stderr } = spawnSync(process.execPath, args, { timeout: 20_000, encoding: 'utf8' })
  assert.equal(stdout, 'true\n')
  assert.match(stderr, /Warning: another one/)
  assert.doesNotMatch(stderr, /SQLite/)
})

test('every code is documented', () => {
  for (const { code, title, advice } of storeErrors) {
    assert.match(code, /^SG_[A-Z_]+$/)
    assert.ok(title.length > 10 && advice.length > 20)
  }
})
