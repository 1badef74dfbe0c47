// Texts that rows share: bounded, removed only when no trace can use them any more, and never mixed up.
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { createTables, format } from '../../src/store/schema.ts'
import { maxTexts, Texts } from '../../src/store/texts.ts'

function newDatabase(): DatabaseSync {
  const db = new DatabaseSync(':memory:')
  createTables(db, format)
  return db
}

test('when full, texts stand in the rows until unused ones have made room', () => {
  const db = newDatabase()
  const texts = new Texts(db, 0)
  db.exec('BEGIN')
  for (let n = 0; n < maxTexts; n++) assert.equal(typeof texts.intern(`name ${n}`, n, 0), 'number')
  // Every one is in use by a trace that is kept.
  assert.equal(texts.intern('one more', maxTexts, 0), '=one more')
  assert.equal(texts.text('=one more'), 'one more')
  // The traces up to 500 are gone, but a later one has used the first name again.
  const first = texts.intern('name 0', maxTexts + 1, 0)
  const refs = Array.from({ length: 3000 }, (_, n) => texts.intern(`later ${n}`, maxTexts + 100 + n, 500))
  const shared = refs.filter((ref) => typeof ref === 'number')
  assert.ok(shared.length >= 400, `${shared.length}`)
  assert.equal(new Set(shared).size, shared.length)
  assert.equal(texts.size <= maxTexts, true)
  assert.equal(texts.text(first), 'name 0')
  assert.equal(texts.idOf('name 1'), undefined)
  assert.equal(typeof texts.idOf('name 500'), 'number')
  for (const [n, ref] of refs.entries()) assert.equal(texts.text(ref), `later ${n}`)
  db.exec('COMMIT')
  texts.committed()
  const again = new Texts(db, maxTexts + 4000)
  assert.equal(again.size, texts.size)
  for (const [n, ref] of refs.entries()) assert.equal(again.text(ref), `later ${n}`)
  db.close()
})

test('what was rolled back is forgotten', () => {
  const db = newDatabase()
  const texts = new Texts(db, 0)
  db.exec('BEGIN')
  const id = texts.intern('gone', 1, 0)
  db.exec('ROLLBACK')
  texts.rolledBack()
  assert.equal(texts.idOf('gone'), undefined)
  db.exec('BEGIN')
  const other = texts.intern('kept', 2, 0)
  assert.notEqual(other, id)
  db.exec('COMMIT')
  texts.committed()
  assert.deepEqual([texts.text(other), new Texts(db, 2).size], ['kept', 1])
  db.close()
})

test('what was removed in a transaction that was rolled back is known again', () => {
  const db = newDatabase()
  const texts = new Texts(db, 0)
  db.exec('BEGIN')
  const ids = Array.from({ length: maxTexts }, (_, n) => texts.intern(`name ${n}`, 1, 0))
  db.exec('COMMIT')
  texts.committed()
  db.exec('BEGIN')
  // Trace 1 is evicted, so its names may go; then the disk is full, and it is back.
  assert.equal(typeof texts.intern('of trace 2', 2, 2), 'number')
  assert.equal(texts.text(ids[0]), '')
  db.exec('ROLLBACK')
  texts.rolledBack()
  assert.deepEqual([texts.text(ids[0]), texts.idOf('name 0'), texts.idOf('of trace 2')], ['name 0', ids[0], undefined])
  assert.equal(texts.size, new Texts(db, 2).size)
  db.close()
})

test('long texts are not shared; texts are made such that SQLite can hold them', () => {
  const db = newDatabase()
  const texts = new Texts(db, 0)
  const long = 'x'.repeat(20_000)
  assert.equal(texts.intern(long, 1, 0), `=${long}`)
  assert.equal(texts.text(texts.intern('a\0b\ud800', 1, 0)), 'a\ufffdb\ufffd')
  assert.equal(texts.text(null), '')
  db.close()
})
