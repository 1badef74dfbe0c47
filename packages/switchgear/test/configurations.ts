// A folder with a few switchgear.yaml: two that differ in one threshold, a wrong one, and one that is valid and unwise.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Whoever makes it removes it. */
export interface Configurations {
  readonly folder: string
  remove(): Promise<void>
}

const head = `services:
  payments:
    endpoints: [http://127.0.0.1:7101]
`
const stack = (openFor: string): string => `${head}    policies:
      - timeout: 1200ms
      - retry: { maxAttempts: 2, delay: 50ms }
      - circuitBreaker: { consecutiveFailures: 5, openFor: ${openFor} }
      - timeout: 500ms
`
const world = `shared:
  budgets: { checkout: { ratio: 0.1 } }
  circuitBreakers: { all: critical }
${head}    policies:
      - retry: { budget: checkout }
simulation:
  services:
    door: { calls: [{ to: payments }, { to: ledger, required: false }] }
    payments: { latency: 5ms }
    ledger: {}
  load: [{ to: door, rate: 20 }]
  policies:
    payments: [{ retry: { budget: checkout } }, { circuitBreaker: { shared: all } }, { timeout: 100ms }]
    ledger: [{ hedge: { budget: checkout } }, { circuitBreaker: {} }]
  scenarios:
    evening: { title: A busy evening, duration: 20s }
`
const texts: Readonly<Record<string, string>> = {
  'a.yaml': stack('3s'),
  'b.yaml': stack('20s'),
  'bad.yaml': `${head}    policies:\n      - retry: { maxAttempt: 2 }\n`,
  'unwise.yaml': `${head}    policies:\n      - circuitBreaker: {}\n`,
  'world.yaml': world,
  'world2.yaml': world,
  'other.yaml': stack('3s').replace('payments', 'orders'),
  'standard.yaml': `${head}    fallback: { status: 200, body: later }\n`,
}

/** Writes them. */
export async function configurations(): Promise<Configurations> {
  const folder = await mkdtemp(join(tmpdir(), 'switchgear-cli-'))
  for (const [name, text] of Object.entries(texts)) await writeFile(join(folder, name), text)
  return { folder, remove: () => rm(folder, { recursive: true }) }
}
