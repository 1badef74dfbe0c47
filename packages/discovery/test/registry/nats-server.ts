// A real nats-server with JetStream, for tests: on a free port, in a folder of its own, killed with the test.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { peer } from '../peers.ts'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Waits until something holds. */
export async function until(holds: () => boolean, what: string, withinMs = 15_000): Promise<void> {
  const end = Date.now() + withinMs
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A server that can be killed and started again with, or without, what it had stored. */
export class NatsServer {
  readonly port: number
  readonly #folder: string
  #process: ChildProcess | undefined

  private constructor(port: number, folder: string) {
    this.port = port
    this.#folder = folder
  }

  static async start(t: Pick<TestContext, 'after'>): Promise<NatsServer> {
    const server = new NatsServer(await freePort(), mkdtempSync(join(tmpdir(), 'switchgear-nats-')))
    t.after(async () => {
      await server.kill()
      rmSync(server.#folder, { recursive: true, force: true })
    })
    await server.up()
    return server
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  async up(): Promise<void> {
    const args = ['-a', '127.0.0.1', '-p', String(this.port), '-js', '-sd', this.#folder]
    this.#process = spawn(peer('nats-server') ?? 'nats-server', args, { stdio: 'ignore' })
    for (let n = 0; n < 300; n++) {
      if (await accepts(this.port)) return
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    throw new Error('nats-server does not accept connections')
  }

  async kill(): Promise<void> {
    const running = this.#process
    this.#process = undefined
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return
    running.kill('SIGKILL')
    await once(running, 'exit')
  }

  /** Loses everything that is stored; only while it is down. */
  wipe(): void {
    rmSync(join(this.#folder, 'jetstream'), { recursive: true, force: true })
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false // Not yet.
  } finally {
    socket.destroy()
  }
}
