// Processes that tests start: apps under `node --import` of our register, and the servers of others. Invariant: none outlives its
// test, whatever becomes of it; each await ends by a deadline.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { peer } from '../peers.ts'

const register = path.join(import.meta.dirname, '../../src/register.ts')
const patienceMs = 15_000

/** How a process ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** An app that serves HTTP. */
export interface App {
  readonly url: string
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** All that it wrote to its error output. */
  readonly complaints: () => string
}

/** Starts a file of `fixtures` with our register before it, sending to `port`; it prints the port it serves on. */
export async function startApp(
  t: TestContext,
  fixture: string,
  collectorPort: number,
  env: Readonly<Record<string, string>> = {},
): Promise<App> {
  const file = path.join(import.meta.dirname, 'fixtures', fixture)
  const child = spawn(process.execPath, ['--conditions=@switchgear/source', '--import', register, file], {
    env: {
      PATH: process.env.PATH,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collectorPort}`,
      OTEL_SERVICE_NAME: 'app',
      OTEL_BSP_SCHEDULE_DELAY: '100',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (complaints += String(text)))
  const ended = endOf(t, child)
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (said += String(text)))
  await until(() => said.includes('\n') || child.exitCode !== null, 'the app says its port')
  assert.match(said, /^\d+\n/, complaints)
  return { url: `http://127.0.0.1:${said.split('\n')[0]}`, child, ended, complaints: () => complaints }
}

/** PostgreSQL on a free port, with an empty cluster of its own; answers the port. */
export async function startPostgres(t: TestContext): Promise<number> {
  // It refuses to run as root.
  const owner = process.getuid?.() === 0 ? unprivileged() : undefined
  const directory = scratch(t)
  if (owner !== undefined) chownSync(directory, owner.uid, owner.gid)
  const data = path.join(directory, 'data')
  const options = { ...owner, cwd: directory, stdio: 'ignore' as const, env: { PATH: process.env.PATH, LC_ALL: 'C' } }
  const flags = ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--no-sync']
  const init = spawn(programOf('initdb'), flags, options)
  assert.deepEqual(await endOf(t, init), { code: 0, signal: null }, 'initdb')
  const port = await freePort()
  const server = spawn(
    programOf('postgres'),
    ['-D', data, '-p', String(port), '-k', directory, '-F', '-c', 'listen_addresses=127.0.0.1'],
    options,
  )
  await answering(t, server, port)
  return port
}

/** Redis on a free port, without a file; answers the port. */
export async function startRedis(t: TestContext): Promise<number> {
  const port = await freePort()
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', scratch(t)]
  await answering(t, spawn(programOf('redis-server'), flags, { stdio: 'ignore' }), port)
  return port
}

/** Waits until `holds`, or fails. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const end = performance.now() + patienceMs
  while (!holds()) {
    if (performance.now() > end) throw new Error(`in vain: ${what}`)
    await sleep(10)
  }
}

function programOf(name: string): string {
  const program = peer(name)
  assert.ok(program !== undefined, `${name} is not installed`)
  return program
}

function scratch(t: TestContext): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'switchgear-joined-'))
  // Hooks run in the order in which they were made, and who uses the directory is ended by a later one: so wait for that.
  ending(t).directories.push(directory)
  return directory
}

async function answering(t: TestContext, server: ChildProcess, port: number): Promise<void> {
  const ended = endOf(t, server)
  let answers = false
  void ended.then((end) => answers || assert.fail(`ended before it answered: ${JSON.stringify(end)}`))
  const giveUp = performance.now() + patienceMs
  while (!answers) {
    assert.ok(performance.now() < giveUp, `nobody answers on port ${port}`)
    const socket = connect(port, '127.0.0.1')
    answers = await Promise.race([once(socket, 'connect'), once(socket, 'close')]).then(
      () => !socket.connecting && socket.remotePort === port,
      () => false,
    )
    socket.destroy()
    if (!answers) await sleep(50)
  }
}

interface Ending {
  readonly directories: string[]
  readonly children: { readonly child: ChildProcess; readonly ended: Promise<Ended> }[]
}

const endings = new WeakMap<TestContext, Ending>()

function ending(t: TestContext): Ending {
  const known = endings.get(t)
  if (known !== undefined) return known
  const made: Ending = { directories: [], children: [] }
  endings.set(t, made)
  t.after(async () => {
    for (const { child } of made.children)
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await Promise.all(made.children.map(({ ended }) => ended))
    for (const directory of made.directories) rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  })
  return made
}

function endOf(t: TestContext, child: ChildProcess): Promise<Ended> {
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  ending(t).children.push({ child, ended })
  return ended
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Whoever there is that is not root. */
function unprivileged(): { readonly uid: number; readonly gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find((line) => line.startsWith(`${name}:`))?.split(':') ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  return assert.fail('there is no user under which PostgreSQL could run')
}
