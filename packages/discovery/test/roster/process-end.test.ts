// A process that has nothing else to do ends, although services are under watch.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const source = (file: string): string => new URL(`../../src/${file}`, import.meta.url).href

test('neither a directory with its files nor a watched file nor a question to etcd keeps a process alive', async () => {
  const place = mkdtempSync(join(tmpdir(), 'process-end-'))
  // Takes connections and never answers.
  const silent = createServer((socket) => void socket.on('error', () => undefined)).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const address = silent.address()
  const port = typeof address === 'object' ? address?.port : 0
  writeFileSync(join(place, 'endpoints.json'), '{"a":["h:1","h:2"]}')
  const program = `
    import { createDirectory } from '${source('directory.ts')}'
    import { fileResolver } from '${source('sources/file.ts')}'
    import { etcdResolver } from '${source('etcd/etcd.ts')}'
    import { merging } from '${source('sources/merging.ts')}'
    const resolver = merging(
      fileResolver({ path: ${JSON.stringify(join(place, 'endpoints.json'))} }),
      etcdResolver({ urls: 'http://127.0.0.1:${port}' }),
    )
    const directory = createDirectory({ resolver, lastKnown: ${JSON.stringify(join(place, 'known'))} })
    directory.roster('a').subscribe((view) => console.log(view.entries.length))
    await new Promise((resolve) => setTimeout(resolve, 300))
  `
  const child = spawn(
    process.execPath,
    ['--conditions=@switchgear/source', '--input-type=module', '--no-warnings', '-e', program],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  try {
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const limit = setTimeout(() => child.kill('SIGKILL'), 15_000)
    const [code] = (await once(child, 'exit')) as [number | null]
    clearTimeout(limit)
    assert.equal(code, 0, 'it ended by itself')
    assert.equal(said.trim(), '2')
  } finally {
    silent.close()
    rmSync(place, { recursive: true, force: true })
  }
})
