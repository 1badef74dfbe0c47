// Kills a process that registers and deregisters, again and again on the same file, and looks at what the file then says.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '@switchgear/core/testing'
import { openCatalog } from '../../src/registry/open-catalog.ts'

const victim = fileURLToPath(new URL('killed-process.ts', import.meta.url))

/** After each of `rounds` kills everything that was answered is there, and nothing that was answered gone is. */
export async function survivesKills(rounds: number, seed: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'switchgear-kills-'))
  const path = join(folder, 'registry.db')
  const random = seededRandom(seed)
  const living = new Map<string, string>()
  let answered = 0
  try {
    for (let round = 0; round < rounds; round++) {
      const lines = await killedAfter(path, round, Math.floor(random() * 2 ** 31), 20 + random() * 150)
      let open: string | undefined
      for (const line of lines) {
        const [word, id = '', secret = ''] = line.split(' ')
        assert.notEqual(word, 'problem', line)
        if (word === 'asking') open = id
        if (word === 'in') living.set(id, secret)
        if (word === 'out') living.delete(id)
        if (word === 'in' || word === 'out') {
          open = undefined
          answered++
        }
      }
      const catalog = await openCatalog({ path, onProblem: ({ message }) => assert.fail(message) })
      const { instances, complete } = catalog.view('orders')
      assert.equal(complete, true, 'the books are whole')
      const found = new Set(instances.map(({ endpoint }) => endpoint.id))
      for (const [id, secret] of living) {
        if (id === open) continue
        assert.ok(found.has(id), `${id} was registered`)
        catalog.heartbeat('orders', id, secret)
      }
      for (const id of found) assert.ok(living.has(id) || id === open, `${id} has left`)
      // All leave, so that the next process finds room, and a kill among many that have gone.
      for (const id of found) {
        const known = living.get(id)
        const entry = { service: 'orders', id, endpoint: { address: '127.0.0.1', port: 1 } }
        catalog.deregister('orders', id, known ?? catalog.register(entry).secret)
      }
      living.clear()
      await catalog.close()
    }
    assert.ok(answered > rounds, `${answered} answers`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function killedAfter(path: string, life: number, seed: number, ms: number): Promise<string[]> {
  const args = [
    ...process.execArgv.filter((arg) => arg.startsWith('--conditions')),
    victim,
    path,
    String(life),
    String(seed),
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const first = said === ''
    said += chunk.toString()
    if (first) setTimeout(() => child.kill('SIGKILL'), ms)
  })
  await once(child, 'close')
  assert.equal(child.signalCode, 'SIGKILL')
  // A line that was cut off says nothing.
  return said.split('\n').slice(0, -1)
}
