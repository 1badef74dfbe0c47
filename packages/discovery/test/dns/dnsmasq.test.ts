// A real dnsmasq whose records change while it runs, and which dies and comes back.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { dnsResolver, type DnsResolver } from '../../src/dns/dns-resolver.ts'
import type { DnsResolverOptions } from '../../src/dns/options.ts'
import { needs, peer } from '../peers.ts'
import { Ear } from './fake-dns.ts'
import { nastyServer } from './nasty-server.ts'

/** Its records of addresses are a hosts file that it reads again at SIGHUP; those of SRV need a new start. */
class Dnsmasq {
  readonly #folder: string
  readonly port: number
  #child: ChildProcess | undefined

  constructor(folder: string, port: number) {
    this.#folder = folder
    this.port = port
  }

  async start(hosts: string, lines: readonly string[] = []): Promise<void> {
    await this.kill()
    await writeFile(join(this.#folder, 'hosts'), hosts)
    const conf = [
      `port=${this.port}`,
      'listen-address=127.0.0.1',
      'bind-interfaces',
      'no-resolv',
      'no-hosts',
      'user=',
      'group=',
      `addn-hosts=${join(this.#folder, 'hosts')}`,
      'local=/shop.test/',
      'local-ttl=1',
      ...lines,
    ]
    await writeFile(join(this.#folder, 'conf'), `${conf.join('\n')}\n`)
    const child = spawn(
      peer('dnsmasq') ?? '',
      ['--keep-in-foreground', `--conf-file=${join(this.#folder, 'conf')}`, '--pid-file='],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    let said = ''
    child.stderr?.on('data', (data) => (said += String(data)))
    this.#child = child
    const probe = watching(this, { name: 'probe.shop.test.', backoff: 20, maxBackoff: 100 })
    try {
      await eventually(() => {
        assert.equal(child.exitCode, null, `dnsmasq ended: ${said}`)
        return probe.ear.heard.some((one) => !(one instanceof Error))
      })
    } finally {
      await probe.resolver.close()
    }
  }

  async change(hosts: string): Promise<void> {
    await writeFile(join(this.#folder, 'hosts'), hosts)
    this.#child?.kill('SIGHUP')
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}

interface Watched {
  readonly resolver: DnsResolver
  readonly ear: Ear
}

function watching(dnsmasq: Dnsmasq, options: DnsResolverOptions, service = 'payments'): Watched {
  const resolver = dnsResolver({
    port: 80,
    servers: [`127.0.0.1:${dnsmasq.port}`],
    search: ['shop.test'],
    resolvConf: false,
    hosts: false,
    maxNegativeTtl: '1s',
    backoff: 200,
    maxBackoff: 500,
    ...options,
  })
  const ear = new Ear()
  resolver.watch(service, ear)
  return { resolver, ear }
}

describe('a real dnsmasq', needs('dnsmasq'), () => {
  let folder = ''
  let dnsmasq: Dnsmasq
  const open: Watched[] = []

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'switchgear-dnsmasq-'))
    // A port that was free for UDP and TCP a moment ago.
    const server = await nastyServer()
    await server[Symbol.asyncDispose]()
    dnsmasq = new Dnsmasq(folder, server.port)
  })

  after(async () => {
    await Promise.all(open.map(({ resolver }) => resolver.close()))
    await dnsmasq.kill()
    await rm(folder, { recursive: true })
  })

  function watch(options: DnsResolverOptions = {}, service?: string): Watched {
    const watched = watching(dnsmasq, options, service)
    open.push(watched)
    return watched
  }

  /** The next thing that is heard which is not just another failure. */
  async function hears({ ear }: Watched, expected: string): Promise<void> {
    let last: readonly string[] = []
    await eventually(
      () => {
        last = [...last, ...ear.take()].slice(-5)
        return last.at(-1) === expected
      },
      () => `heard ${JSON.stringify(last)}, not ${expected}`,
    )
  }

  it('tells records as they come, change and go, through its death and return', async () => {
    await dnsmasq.start('10.1.1.1 payments.shop.test\n2001:db8::1 payments.shop.test\n')
    const addresses = watch()
    const absolute = watch({ name: '{service}.shop.test.' })
    // Absolute: for the bare name, the last one of a search, this dnsmasq has only a refusal, and that is no absence.
    const absent = watch({ name: '{service}.shop.test.' }, 'orders')
    await hears(addresses, '10.1.1.1:80 [2001:db8::1]:80')
    await hears(absent, '')

    await dnsmasq.change('10.1.1.2 payments.shop.test\n10.1.1.1 payments.shop.test\n10.3.3.3 orders.shop.test\n')
    await hears(addresses, '10.1.1.1:80 10.1.1.2:80')
    await hears(absent, '10.3.3.3:80')

    await dnsmasq.change('10.3.3.3 orders.shop.test\n')
    await hears(absolute, '')
    await hears(addresses, '! SG_DNS_FAILED')

    await dnsmasq.kill()
    await hears(absent, '! SG_DNS_FAILED')
    await hears(absolute, '! SG_DNS_FAILED')
    await dnsmasq.start('10.3.3.3 orders.shop.test\n')
    await hears(absent, '10.3.3.3:80')
    await hears(absolute, '')
    await dnsmasq.kill()
  })

  it('tells SRV records with targets and priorities, and what is too big for a datagram', async () => {
    const many = Array.from({ length: 300 }, (_, index) => `10.2.${index >> 8}.${index & 255} many.shop.test`)
    const hosts = ['10.1.1.1 t1.shop.test', '2001:db8::1 t1.shop.test', '10.1.1.2 t2.shop.test', ...many].join('\n')
    await dnsmasq.start(hosts, [
      'srv-host=_http._tcp.payments.shop.test,t1.shop.test,8080,10,60',
      'srv-host=_http._tcp.payments.shop.test,t2.shop.test,8081,20,40',
      'srv-host=_http._tcp.payments.shop.test,gone.shop.test,8082,10,1',
      'cname=alias.shop.test,t2.shop.test',
    ])
    const services = watch({ type: 'SRV', name: '_http._tcp.{service}' })
    await hears(services, '10.1.1.1:8080 (10.1.1.2:8081) [2001:db8::1]:8080')
    await hears(watch({}, 'alias'), '10.1.1.2:80')

    const big = watch({ family: 'ipv4' }, 'many')
    await eventually(() => {
      const [found] = big.ear.heard
      return found !== undefined && !(found instanceof Error) && found.endpoints.length === 300
    })
    assert.ok(big.resolver.totals.overTcp >= 1)
    await hears(watch({ name: '{service}.elsewhere.' }), '! SG_DNS_FAILED')
    await dnsmasq.kill()
  })
})

/** Waits until something holds, for at most 10 s. */
async function eventually(holds: () => boolean | Promise<boolean>, what = () => 'in time'): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end;) {
    if (await holds()) return
    await sleep(20)
  }
  assert.fail(what())
}
