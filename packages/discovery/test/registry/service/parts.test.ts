import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import { registryErrors } from '../../../src/registry/errors.ts'
import { bearer, TokenGrants } from '../../../src/registry/service/access.ts'
import { registryServiceErrors } from '../../../src/registry/service/errors.ts'
import { FailedAttempts } from '../../../src/registry/service/failed-attempts.ts'
import { tokenFile } from '../../../src/registry/service/token-file.ts'
import { waitMs, within } from '../../../src/registry/service/waits.ts'

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'registry-token-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

describe('a token file', () => {
  it('is made once, for its user only, and read again', async (t) => {
    const path = join(await folder(t), 'state', 'registry-token')
    const token = await tokenFile(path)
    assert.match(token, /^sgt1_[\w-]{43}$/)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.equal((await stat(join(path, '..'))).mode & 0o777, 0o700)
    assert.equal(await tokenFile(path), token)
    assert.equal(await readFile(path, 'utf8'), `${token}\n`)
    assert.deepEqual(await readdir(join(path, '..')), ['registry-token'], 'no draft is left')
    assert.ok(new TokenGrants([{ token, services: ['*'] }], 'tokens').of(token)?.('orders'))
    assert.equal(bearer(`Bearer ${token}`), token)
  })

  it('is the same for all who make it at once', async (t) => {
    const path = join(await folder(t), 'registry-token')
    const tokens = await Promise.all(Array.from({ length: 20 }, () => tokenFile(path)))
    assert.equal(new Set(tokens).size, 1)
  })

  it('is not believed when others could read it, or when it is something else; and it is left as it is', async (t) => {
    const base = await folder(t)
    const good = await tokenFile(join(base, 'good'))
    const wrong: readonly (readonly [name: string, make: (path: string) => Promise<unknown>, why: RegExp])[] = [
      ['group', (path) => writeFile(path, good, { mode: 0o640 }), /others/],
      ['world', (path) => writeFile(path, good).then(() => chmod(path, 0o604)), /others/],
      ['link', (path) => symlink(join(base, 'good'), path), /symbolic link/],
      ['dangling', (path) => symlink(join(base, 'nowhere'), path), /symbolic link/],
      ['folder', (path) => mkdir(path), /no regular file/],
      ['empty', (path) => writeFile(path, '', { mode: 0o600 }), /no token/],
      ['text', (path) => writeFile(path, 'hunter2', { mode: 0o600 }), /no token/],
      ['two', (path) => writeFile(path, `${good}\n${good}\n`, { mode: 0o600 }), /no token/],
      ['large', (path) => writeFile(path, good.repeat(1000), { mode: 0o600 }), /no token/],
      ['later', (path) => writeFile(path, 'sgt2_abc', { mode: 0o600 }), /later version/],
    ]
    for (const [name, make, why] of wrong) {
      const path = join(base, name)
      await make(path)
      await assert.rejects(tokenFile(path), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'SG_TOKEN_FILE', name)
        assert.match(error.message, why)
        assert.ok(!error.message.includes('hunter2') && !error.message.includes(good))
        return true
      })
    }
    assert.equal(await readFile(join(base, 'text'), 'utf8'), 'hunter2')
    await assert.rejects(tokenFile(join(base, 'text', 'below')), { code: 'ENOTDIR' })
  })
})

describe('failed attempts', () => {
  it('put a peer off for the rest of a minute', async () => {
    const clock = new VirtualClock()
    const attempts = new FailedAttempts(3, clock)
    for (let at = 0; at < 2; at++) attempts.failed('10.0.0.1')
    assert.equal(attempts.blockedMs('10.0.0.1'), 0)
    await clock.advance(10_000)
    attempts.failed('10.0.0.1')
    assert.equal(attempts.blockedMs('10.0.0.1'), 50_000)
    assert.equal(attempts.blockedMs('10.0.0.2'), 0)
    await clock.advance(50_000)
    assert.equal(attempts.blockedMs('10.0.0.1'), 0)
    attempts.failed('10.0.0.1')
    assert.equal(attempts.blockedMs('10.0.0.1'), 0, 'a new minute begins from nothing')
    assert.equal(clock.pending, 0)
  })

  it('are those of a whole /64, and of a bounded number of peers', () => {
    const attempts = new FailedAttempts(1, new VirtualClock())
    attempts.failed('2001:db8:1:2::1')
    assert.ok(attempts.blockedMs('2001:db8:1:2:ffff::9') > 0)
    assert.ok(attempts.blockedMs('2001:db8:1:2:3:4:5:6') > 0)
    assert.equal(attempts.blockedMs('2001:db8:1:3::1'), 0)
    attempts.failed('::1')
    assert.ok(attempts.blockedMs('::1') > 0)
    for (let at = 0; at < 10_000; at++) attempts.failed(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`)
    assert.equal(attempts.size, 4096)
    assert.equal(attempts.blockedMs('2001:db8:1:2::1'), 0, 'the first ones are forgotten')
    assert.ok(attempts.blockedMs('10.0.39.15') > 0)
  })
})

describe('waits', () => {
  it('double, are capped, and are spread over their second half', () => {
    const waits = { firstMs: 200, longestMs: 30_000 }
    const bounds = [1, 2, 3, 4, 8, 9, 2000].map((failures) => [
      waitMs(waits, failures, () => 0),
      waitMs(waits, failures, () => 1),
    ])
    assert.deepEqual(bounds, [
      [100, 200],
      [200, 400],
      [400, 800],
      [800, 1600],
      [12_800, 25_600],
      [15_000, 30_000],
      [15_000, 30_000],
    ])
  })

  it('for an answer end with it, or without it in time, and leave no timer', async () => {
    const clock = new VirtualClock()
    assert.equal(await within(Promise.resolve(7), 1000, clock), 7)
    await assert.rejects(within(Promise.reject(new Error('no')), 1000, clock), /no/)
    const late = within(new Promise(() => undefined), 1000, clock)
    await clock.advance(1000)
    assert.equal(await late, undefined)
    const { promise, reject } = Promise.withResolvers<never>()
    const failing = within(promise, 1000, clock)
    await clock.advance(1000)
    reject(new Error('too late to matter'))
    assert.equal(await failing, undefined)
    assert.equal(clock.pending, 0)
  })
})

it('every code that is given is documented, once', async () => {
  const source = new URL('../../../src/registry/service/', import.meta.url)
  const documented = [...registryServiceErrors, ...registryErrors].map(({ code }) => code)
  assert.equal(new Set(documented).size, documented.length)
  const given = new Set<string>()
  for (const file of await readdir(source)) {
    const text = await readFile(new URL(file, source), 'utf8')
    for (const [, code = ''] of text.matchAll(/'(SG_[A-Z_]+)'/g)) given.add(code)
  }
  given.delete('SG_BAD_OPTIONS')
  for (const code of given) assert.ok(documented.includes(code as `SG_${string}`), code)
  for (const { code, title, advice } of registryServiceErrors) {
    assert.ok(given.has(code) && title.endsWith('.') && advice.length > 40, code)
  }
})
