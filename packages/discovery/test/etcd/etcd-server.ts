// A real etcd for tests: its own ports and data, put and delete over the gateway, kill and start again on the same data.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { peer } from '../peers.ts'

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  assert.ok(typeof address === 'object' && address !== null)
  return address.port
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

export class EtcdServer {
  readonly port: number
  readonly #peerPort: number
  readonly #data: string
  #process: ChildProcess | undefined

  static async start(): Promise<EtcdServer> {
    const server = new EtcdServer(await freePort(), await freePort())
    await server.run()
    return server
  }

  constructor(port: number, peerPort: number) {
    this.port = port
    this.#peerPort = peerPort
    this.#data = mkdtempSync(join(tmpdir(), 'etcd-'))
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Starts on what is on its disk. */
  async run(): Promise<void> {
    const url = this.url
    const peerUrl = `http://127.0.0.1:${this.#peerPort}`
    this.#process = spawn(
      peer('etcd') ?? 'etcd',
      [
        ...['--data-dir', join(this.#data, 'data'), '--name', 'one'],
        ...['--listen-client-urls', url, '--advertise-client-urls', url],
        ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
        ...['--initial-cluster', `one=${peerUrl}`, '--log-level', 'error'],
      ],
      { stdio: 'ignore' },
    )
    const end = performance.now() + 15_000
    for (;;) {
      try {
        // Any answer will do: with users it is that nobody knows us.
        const body = JSON.stringify({ key: base64('ready') })
        const { status } = await fetch(`${url}/v3/kv/range`, {
          method: 'POST',
          body,
          signal: AbortSignal.timeout(2000),
        })
        assert.ok(status < 500)
        return
      } catch (error) {
        assert.ok(performance.now() < end, `etcd did not start: ${String(error)}`)
        await new Promise((resolve) => setTimeout(resolve, 30))
      }
    }
  }

  async ask(path: string, body: unknown, token?: string): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.url}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5000),
      headers: { connection: 'close', ...(token === undefined ? {} : { authorization: token }) },
    })
    const text = await response.text()
    assert.equal(response.status, 200, text)
    return JSON.parse(text) as Record<string, unknown>
  }

  async put(key: string, value: unknown, lease?: string): Promise<void> {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    const held = lease === undefined ? {} : { lease }
    await this.ask('/v3/kv/put', { key: base64(key), value: base64(text), ...held })
  }

  async remove(key: string): Promise<void> {
    await this.ask('/v3/kv/deleterange', { key: base64(key) })
  }

  async revision(): Promise<number> {
    const { header } = await this.ask('/v3/kv/range', { key: base64('x') })
    return Number((header as { revision: string }).revision)
  }

  /** kill -9 */
  async kill(): Promise<void> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** Everything that it stored is gone: the next start is a new store. */
  wipe(): void {
    rmSync(join(this.#data, 'data'), { recursive: true, force: true })
  }

  async end(): Promise<void> {
    await this.kill()
    rmSync(this.#data, { recursive: true, force: true })
  }
}
