// What the tests of the registry's service share: a server over books in memory, plain requests, and waiting for something to be.
import assert from 'node:assert/strict'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as elapse } from 'node:timers/promises'
import {
  createRegistryServer,
  type RegistryServer,
  type RegistryServerOptions,
} from '../../../src/registry/service/server.ts'
import { MemoryCatalog } from './memory-catalog.ts'

export const ordersToken = 'orders-token-0123456789'
export const shopToken = 'shop-token-0123456789ab'
export const tokens = [
  { token: ordersToken, services: ['orders'] },
  { token: shopToken, services: ['shop-*'] },
]

/** A registry that listens. */
export interface Rig {
  readonly catalog: MemoryCatalog
  readonly registry: RegistryServer
  readonly url: string
  readonly port: number
}

/** Starts one; the test's end stops it. */
export async function rig(
  t: TestContext,
  options: Partial<RegistryServerOptions> = {},
  catalog: MemoryCatalog = new MemoryCatalog(),
): Promise<Rig> {
  const registry = createRegistryServer({ catalog, port: 0, tokens, heartbeat: 200, drainTimeout: 200, ...options })
  await registry.start()
  t.after(() => registry.stop())
  const { url } = registry
  assert.ok(url !== undefined)
  return { catalog, registry, url, port: (registry.server.address() as AddressInfo).port }
}

/** What a plain request gets. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  readonly json: Record<string, unknown>
}

/** One request on a connection of its own. */
export function ask(
  port: number,
  method: string,
  path: string,
  { token, body, headers = {} }: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = {
      connection: 'close',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    }
    const outgoing = request({ host: '127.0.0.1', port, method, path, headers: sent }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        const isJson = text !== '' && /json/.test(String(response.headers['content-type']))
        const json = isJson ? (JSON.parse(text) as Record<string, unknown>) : {}
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body))
  })
}

/** Waits until `holds`, for at most `ms`. */
export async function until(holds: () => boolean, what: string, ms = 5000): Promise<void> {
  const end = performance.now() + ms
  while (!holds()) {
    assert.ok(performance.now() < end, `not within ${ms} ms: ${what}`)
    await elapse(5)
  }
}
