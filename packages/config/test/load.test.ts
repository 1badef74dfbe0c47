import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ConfigError, loadConfig } from '../src/index.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchgear-config-'))
})
after(() => rm(folder, { recursive: true }))

const valid = 'services: { a: { endpoints: [http://a] } }\n'

async function written(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

async function refusal(path: string): Promise<ConfigError> {
  const error: unknown = await loadConfig(path).then(
    () => assert.fail('it was loaded'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof ConfigError, String(error))
  return error
}

test('a file is loaded, with and without a byte order mark', async () => {
  const expected = { services: { a: { endpoints: ['http://a'] } } }
  assert.deepEqual(await loadConfig(await written('valid.yaml', valid)), expected)
  assert.deepEqual(await loadConfig(await written('bom.yaml', `\uFEFF${valid}`)), expected)
})

test('problems name the file as it was given', async () => {
  const path = await written('wrong.yaml', 'service: {}\n')
  const error = await refusal(path)
  assert.equal(error.file, path)
  assert.ok(error.message.includes(`\n${path}:1:1 service: unknown key, did you mean 'services'?`))
})

test('a file that is not there, an empty path, a directory and a path through a file', async () => {
  const inside = join(await written('plain', 'x'), 'switchgear.yaml')
  const cases = [
    [join(folder, 'absent.yaml'), 'no such file', 'ENOENT'],
    ['', 'no such file', 'ENOENT'],
    [folder, 'it is a directory', 'EISDIR'],
    [inside, 'no such file', 'ENOTDIR'],
  ] as const
  for (const [path, message, code] of cases) {
    const error = await refusal(path)
    assert.deepEqual(
      error.problems.map((problem) => [problem.line, problem.column, problem.message]),
      [[0, 0, message]],
    )
    assert.ok(error.message.startsWith(`1 problem in ${path}\n${path}: ${message}, expected a`), error.message)
    assert.equal((error.cause as NodeJS.ErrnoException).code, code)
  }
})

test('a file that may not be read', async () => {
  const path = await written('secret.yaml', valid)
  await chmod(path, 0)
  // Root may read everything, so for this moment it is nobody.
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  try {
    assert.match((await refusal(path)).message, /no permission to read it, expected a file that this user may read/)
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
})

test(
  'a pipe is refused, not waited for',
  { skip: process.platform === 'win32' ? 'no named pipes' : false },
  async () => {
    const path = join(folder, 'pipe')
    execFileSync('mkfifo', [path])
    assert.match((await refusal(path)).message, /it cannot be read \(is not a regular file\)/)
  },
)

test('other encodings than UTF-8 and files that are too large', async () => {
  const utf16 = Buffer.from(`\uFEFF${valid}`, 'utf16le')
  assert.match((await refusal(await written('utf16.yaml', utf16))).message, /it is not UTF-8, expected a text in UTF-8/)
  assert.match(
    (await refusal(await written('latin1.yaml', Buffer.from([0x23, 0xe9, 0x0a])))).message,
    /it is not UTF-8/,
  )
  const large = await refusal(await written('large.yaml', `${valid}${'# more\n'.repeat(200_000)}`))
  assert.match(large.message, /it cannot be read \(has 1400043 bytes\), expected a readable file of at most 1 MiB/)
  assert.match((await refusal(await written('empty.yaml', ''))).message, /:1:1 the file is empty/)
})
