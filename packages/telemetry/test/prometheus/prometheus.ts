// A real Prometheus in a temporary folder and on a port of its own. `close` ends it and removes what it wrote.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { peer } from '../peers.ts'

/** What a query answers, of the parts that tests look at. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>
}

export interface Rule {
  readonly name: string
  readonly query: string
  readonly health: string
  readonly lastError?: string
}

export interface ExemplarSeries {
  readonly seriesLabels: Readonly<Record<string, string>>
  readonly exemplars: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: string }[]
}

/** Waits until `done` answers something other than undefined. */
export async function until<T>(
  what: string,
  done: () => Promise<T | undefined>,
  withinMs: number = 60_000,
): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const found = await done()
    if (found !== undefined) return found
    assert.ok(performance.now() < deadline, `waited ${withinMs} ms for ${what}`)
    await sleep(200)
  }
}

export class Prometheus {
  readonly #child: ChildProcess
  readonly #folder: string
  #url = ''

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child
    this.#folder = folder
  }

  /** Scrapes `target` (host:port) every second as job `shop`, and evaluates the rules of a file as often. */
  static async start(target: string, rules: string): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'switchgear-prometheus-'))
    const configuration = {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: [{ job_name: 'shop', static_configs: [{ targets: [target] }] }],
    }
    // JSON is YAML as well.
    await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(configuration))
    const child = spawn(
      peer('prometheus') ?? '',
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        '--web.listen-address=127.0.0.1:0',
        '--enable-feature=exemplar-storage',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    const started = new Prometheus(child, folder)
    try {
      await started.#ready()
      return started
    } catch (error) {
      await started.close()
      throw error
    }
  }

  async query(expression: string): Promise<readonly Sample[]> {
    const { result } = await this.#get<{ result: Sample[] }>('query', { query: expression })
    return result
  }

  async exemplars(query: string): Promise<readonly ExemplarSeries[]> {
    const now = Date.now() / 1000
    return this.#get('query_exemplars', { query, start: String(now - 600), end: String(now + 60) })
  }

  async rules(): Promise<readonly Rule[]> {
    const { groups } = await this.#get<{ groups: { rules: Rule[] }[] }>('rules', {})
    return groups.flatMap(({ rules }) => rules)
  }

  /** Names of all series. */
  async names(): Promise<ReadonlySet<string>> {
    return new Set(await this.#get<string[]>('label/__name__/values', {}))
  }

  /** Names of the labels of all series of a metric. */
  async labels(metric: string): Promise<ReadonlySet<string>> {
    return new Set(await this.#get<string[]>('labels', { 'match[]': metric }))
  }

  /** The scrape of the only target: whether it went well, and what was wrong. */
  async target(): Promise<{ readonly health: string; readonly lastError: string } | undefined> {
    const { activeTargets } = await this.#get<{ activeTargets: { health: string; lastError: string }[] }>('targets', {})
    return activeTargets[0]
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit')
      this.#child.kill('SIGTERM')
      const killer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
      await ended
      clearTimeout(killer)
    }
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #ready(): Promise<void> {
    let log = ''
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = `${log}${text}`.slice(-20_000)
      const address = /msg="Listening on" address=(\S+)/.exec(log)?.[1]
      if (address !== undefined) this.#url = `http://${address}`
    })
    await until('Prometheus', async () => {
      assert.equal(this.#child.exitCode, null, log)
      if (this.#url === '') return undefined
      const response = await fetch(`${this.#url}/-/ready`)
      await response.text()
      return response.ok || undefined
    })
  }

  async #get<T>(path: string, parameters: Readonly<Record<string, string>>): Promise<T> {
    const response = await fetch(`${this.#url}/api/v1/${path}?${new URLSearchParams(parameters)}`, {
      signal: AbortSignal.timeout(20_000),
    })
    const answer = (await response.json()) as { status: string; error?: string; data: T }
    assert.equal(answer.status, 'success', `${path} ${JSON.stringify(parameters)}: ${answer.error}`)
    return answer.data
  }
}
