// The doctor: what it says of the environment, of an endpoint, and of commands with each of the ailments.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecure } from 'node:https'
import { createServer as createRaw, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Diagnosis } from '@switchgear/telemetry'
import { createCollector } from '../src/collecting/collector.ts'
import { diagnosed, meant } from '../src/doctor/diagnosed.ts'
import { environmentFindings, startFindings } from '../src/doctor/environment.ts'
import { examine } from '../src/doctor/examination.ts'
import type { TelemetryFinding } from '../src/doctor/finding.ts'
import { probe } from '../src/doctor/probe.ts'
import { targetOf } from '../src/doctor/target.ts'
import { run } from '../src/index.ts'
import { certificate, privateKey } from '../../telemetry/test/instrumentation/tls-pair.ts'
import { ran } from './child.ts'
import { recorder } from './recorder.ts'

const fixtures = join(import.meta.dirname, 'fixtures')
const node = [process.execPath, '--conditions=@switchgear/source']
const preloaded = [...node, '--import', '@switchgear/telemetry/register']

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createRaw().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server)
  server.close()
  await once(server, 'close')
  return port
}

function portOf(server: Server): number {
  return (server.address() as { port: number }).port
}

interface Told {
  readonly code: number | null
  readonly findings: readonly TelemetryFinding[]
  readonly ids: readonly string[]
  message(id: string): string
}

/** Runs `switchgear doctor --json` on a fixture that is requested at a port of its own. */
async function doctor(
  command: readonly string[],
  fixture: string,
  endpoint: string,
  more: NodeJS.ProcessEnv = {},
): Promise<Told> {
  const port = await freePort()
  const environment = { PORT: String(port), OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...more }
  const args = ['doctor', '--json', '--for', '40s', '--request', `http://127.0.0.1:${port}/`, '--']
  const { code, stdout, stderr } = await ran([...args, ...command, join(fixtures, fixture)], environment)
  assert.equal(stderr, '')
  const { findings } = JSON.parse(stdout) as { findings: TelemetryFinding[] }
  const message = (id: string): string => findings.find((each) => each.id === id)?.message ?? `no ${id}`
  return { code, findings, ids: findings.map(({ id }) => id), message }
}

async function withCollector(use: (endpoint: string, spans: () => number) => Promise<void>): Promise<void> {
  const collector = createCollector({ receiver: { port: 0 }, questionPort: false, sampling: 'all' })
  await collector.start()
  try {
    await use(`http://127.0.0.1:${collector.port}`, () => collector.status.store.spans)
  } finally {
    await collector.stop()
  }
}

test('a command with nothing wrong: exit code 0, and the numbers of what arrived', async () => {
  await withCollector(async (endpoint, spans) => {
    const told = await doctor(preloaded, 'served.mjs', endpoint, { OTEL_SERVICE_NAME: 'orders' })
    assert.deepEqual([told.code, told.ids], [0, ['answers', 'spans']])
    assert.match(told.message('answers'), /: 5 × 200\.$/)
    assert.match(told.message('spans'), /^orders \(process \d+\): 5 spans begun, 5 delivered to http:.*\/v1\/traces\.$/)
    assert.equal(spans(), 5)
  })
})

test('telemetry that is started after the server listens', async () => {
  await withCollector(async (endpoint) => {
    const told = await doctor(node, 'late.mjs', endpoint)
    assert.deepEqual([told.code, told.ids], [1, ['late-start', 'answers', 'spans']])
    assert.match(told.message('late-start'), /1 server was listening already/)
  })
})

test('another SDK that was registered first', async () => {
  await withCollector(async (endpoint) => {
    const told = await doctor(node, 'duplicate.mjs', endpoint)
    assert.deepEqual([told.code, told.ids], [1, ['duplicate-provider', 'answers', 'spans']])
    assert.match(told.message('duplicate-provider'), /TracerProvider was registered first/)
  })
})

// Whether they are given up or still wait when the process ends is a matter of how long it takes to end.
test('an exporter that is refused: why, how many are lost, and what to do', async () => {
  const endpoint = `http://127.0.0.1:${await freePort()}`
  const told = await doctor(preloaded, 'served.mjs', endpoint)
  assert.deepEqual([told.code, told.ids], [1, ['export-trouble', 'endpoint-refused', 'answers', 'spans']])
  assert.match(told.message('export-trouble'), /0 spans delivered, (5 dropped, 0 wait|0 dropped, 5 wait)/)
  assert.match(
    told.message('spans'),
    /5 spans begun, 0 delivered to .*, 5 (not delivered \(\w+\)|waited at the end)\.$/,
  )
})

test('an endpoint that stands in the code is tried where it is, not where the environment says', async () => {
  await serving(
    (_request, response) => void response.writeHead(401).end(),
    async (port) => {
      await withCollector(async (endpoint) => {
        const told = await doctor(node, 'coded.mjs', endpoint, { CODED: `http://127.0.0.1:${port}/custom` })
        assert.deepEqual([told.code, told.ids], [1, ['export-trouble', 'endpoint-unauthorized', 'answers', 'spans']])
        assert.match(told.message('endpoint-unauthorized'), new RegExp(`:${port}/custom answers 401`))
        assert.match(told.message('spans'), /5 not delivered \(refused\)/)
      })
    },
  )
})

test('everything is left out by the sampler, and telemetry that is never started', async () => {
  await withCollector(async (endpoint) => {
    const [unsampled, never] = await Promise.all([
      doctor(preloaded, 'served.mjs', endpoint, { OTEL_TRACES_SAMPLER: 'always_off' }),
      doctor(node, 'served.mjs', endpoint),
    ])
    assert.deepEqual([unsampled.code, unsampled.ids], [1, ['sampled-out', 'answers', 'spans']])
    assert.match(unsampled.message('spans'), /0 spans begun, 5 more left out by the sampler/)
    assert.deepEqual([never.code, never.ids], [1, ['not-started', 'answers']])
  })
})

test('a command that fails shows its last words, one that is not there is told', async () => {
  const terminal = recorder()
  assert.equal(await run(['doctor', '--', ...node, join(fixtures, 'nowhere.mjs')], terminal), 1)
  assert.match(
    terminal.out.join('\n'),
    /^error +command-failed$[^]*with exit code 1[^]*^ {2}\| Error: Cannot find module/m,
  )
  assert.doesNotMatch(terminal.out.join('\n'), /not-started/)
  const other = recorder()
  assert.equal(await run(['doctor', '--', join(fixtures, 'nowhere')], other), 1)
  assert.match(
    other.out.join('\n'),
    /command-not-started\n +The command could not be started: there is no such command/,
  )
})

test('a starter of the app is left aside, and everything it started is ended', async () => {
  const port = await freePort()
  const app = `${JSON.stringify(process.execPath)} ${JSON.stringify(join(fixtures, 'served.mjs'))}`
  const plan = {
    command: process.execPath,
    args: [
      '-e',
      `const c = require('node:child_process').spawn(${JSON.stringify(app)}, { shell: true }); setInterval(() => {}, 1000)`,
    ],
    environment: {
      ...process.env,
      PORT: String(port),
      OTEL_TRACES_EXPORTER: 'none',
      NODE_OPTIONS: '--conditions=@switchgear/source --import @switchgear/telemetry/register',
    },
    forMs: 40_000,
    urls: [`http://127.0.0.1:${port}/`],
    signal: new AbortController().signal,
  }
  const { diagnoses, requests, killed, ended } = await examine(plan)
  assert.deepEqual(requests[0]?.answers, { 200: 5 })
  assert.deepEqual([killed, ended], [false, undefined])
  assert.ok(diagnoses.length >= 2)
  assert.deepEqual(
    meant(diagnoses).map(({ tracer }) => tracer.started),
    [5],
  )
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`))
})

function idsOf(environment: Record<string, string>): string[] {
  return environmentFindings(environment).map(({ severity, id }) => `${severity} ${id}`)
}

test('the environment', () => {
  assert.deepEqual(idsOf({}), [])
  assert.deepEqual(idsOf({ OTEL_SDK_DISABLED: 'true' }), ['error sdk-disabled'])
  assert.deepEqual(idsOf({ OTEL_TRACES_EXPORTER: 'none' }), ['error not-exported'])
  assert.deepEqual(idsOf({ OTEL_TRACES_EXPORTER: 'otlp,console' }), [])
  assert.deepEqual(idsOf({ OTEL_TRACES_SAMPLER: 'always_off' }), ['error sampled-out'])
  assert.deepEqual(idsOf({ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }), ['warning sampled-out'])
  assert.deepEqual(idsOf({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }), ['error sampled-out'])
  assert.deepEqual(idsOf({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' }), [])
  assert.deepEqual(idsOf({ OTEL_TRACES_SAMPLER: 'sometimes' }), ['warning variable-ignored'])
  assert.deepEqual(idsOf({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }), ['warning protocol-grpc'])
  assert.deepEqual(idsOf({ OTEL_PROPAGATORS: 'none' }), ['warning no-propagation'])
  assert.deepEqual(idsOf({ OTEL_PROPAGATORS: 'tracecontext,xray' }), ['warning variable-ignored'])
  assert.deepEqual(idsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/v1/traces' }), ['error path-twice'])
  assert.deepEqual(idsOf({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318/v1/traces' }), [])
  assert.deepEqual(idsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }), ['warning variable-ignored'])
  const started = startFindings({ NODE_OPTIONS: '--import @switchgear/telemetry/register' })
  assert.deepEqual([started[0]?.id, startFindings({})[0]?.id], ['preloaded', 'not-preloaded'])
})

test('an endpoint, by its answer', async () => {
  const answers: [number, string, Record<string, string>?][] = [
    [200, 'info endpoint-ok'],
    [200, 'warning no-collector', { 'content-type': 'text/html' }],
    [302, 'error endpoint-redirects', { location: '/login' }],
    [401, 'error endpoint-unauthorized'],
    [403, 'error endpoint-unauthorized'],
    [404, 'error endpoint-path'],
    [405, 'error endpoint-path'],
    [415, 'error endpoint-format'],
    [421, 'error endpoint-host'],
    [503, 'error endpoint-trouble'],
    [400, 'error endpoint-refuses'],
  ]
  for (const [status, expected, headers = {}] of answers) {
    const seen: string[] = []
    await serving(
      (request, response) => {
        seen.push(`${request.method} ${request.url} ${request.headers['content-type']} ${request.headers['x-key']}`)
        response.writeHead(status, headers).end()
      },
      async (port) => {
        const { severity, id, message } = await probed(`http://user:secret@127.0.0.1:${port}`, {
          OTEL_EXPORTER_OTLP_HEADERS: 'x-key=hush',
        })
        assert.equal(`${severity} ${id}`, expected)
        assert.doesNotMatch(message, /secret|hush/)
        assert.deepEqual(seen, ['POST /v1/traces application/x-protobuf hush'])
      },
    )
  }
})

test('an endpoint that gives no answer', async () => {
  const silent = createRaw(() => undefined)
  const foreign = createRaw(
    (socket: Socket) => void socket.on('error', () => undefined).end('\0\0\u0012\u0004\0\0\0\0\0'),
  )
  await Promise.all([silent, foreign].map((server) => once(server.listen(0, '127.0.0.1'), 'listening')))
  const sockets = new Set<Socket>()
  silent.on('connection', (socket: Socket) => void sockets.add(socket))
  const at = (server: Server, scheme = 'http'): string => `${scheme}://127.0.0.1:${portOf(server)}`
  const cases: [string, string, Record<string, string>?][] = [
    [`http://127.0.0.1:${await freePort()}`, 'endpoint-refused'],
    ['http://no-such-name.invalid:4318', 'endpoint-unknown'],
    [at(silent), 'endpoint-timeout', { OTEL_EXPORTER_OTLP_TIMEOUT: '200' }],
    [at(foreign), 'endpoint-no-http'],
    [at(foreign, 'https'), 'endpoint-tls'],
  ]
  for (const [endpoint, id, more] of cases) assert.equal((await probed(endpoint, more)).id, id, endpoint)
  for (const socket of sockets) socket.destroy()
  silent.close()
  foreign.close()
  const [, problems] = targetOf({ OTEL_EXPORTER_OTLP_CERTIFICATE: join(fixtures, 'nowhere.pem') })
  assert.deepEqual(
    problems.map(({ id }) => id),
    ['file-unreadable'],
  )
})

test('an endpoint with a certificate of its own: not trusted, and trusted by a file', async () => {
  const server = createSecure({ key: privateKey, cert: certificate }, (_request, response) => response.end())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const folder = await mkdtemp(join(tmpdir(), 'switchgear-doctor-test-'))
  try {
    const endpoint = `https://127.0.0.1:${portOf(server)}`
    const untrusted = await probed(endpoint)
    assert.equal(untrusted.id, 'endpoint-tls')
    assert.match(untrusted.message, /not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/)
    const file = join(folder, 'ca.pem')
    await writeFile(file, certificate)
    const trusted = { OTEL_EXPORTER_OTLP_CERTIFICATE: file }
    assert.equal((await probed(endpoint, trusted)).id, 'endpoint-ok')
  } finally {
    server.close()
    await rm(folder, { recursive: true })
  }
})

test('JSON is sent where it is wanted, and our own collector takes both', async () => {
  await withCollector(async (endpoint) => {
    for (const protocol of ['http/json', 'http/protobuf']) {
      assert.equal((await probed(endpoint, { OTEL_EXPORTER_OTLP_PROTOCOL: protocol })).id, 'endpoint-ok')
    }
  })
})

const healthy: Diagnosis = {
  version: 1,
  service: 'orders',
  pid: 7,
  disabled: false,
  sampler: 'AlwaysOn',
  endpoint: 'http://c/v1/traces',
  beginnings: { uptimeSeconds: 0, servers: 0, loaded: [] },
  tracer: { started: 3, ended: 3, dropped: 0, unsampled: 0 } as Diagnosis['tracer'],
  export: undefined,
  problems: [],
}

test('a command that has nothing to do ends, and that is told', async () => {
  const terminal = recorder()
  assert.equal(await run(['doctor', '--json', '--', process.execPath, '-e', ''], terminal), 1)
  const { findings } = JSON.parse(terminal.out.join('\n')) as { findings: TelemetryFinding[] }
  assert.deepEqual(
    findings.map(({ id }) => id),
    ['not-started', 'command-ended'],
  )
})

test('every problem that a telemetry tells has an id; what is new to the doctor is told all the same', () => {
  const of = (problem: string): string | undefined => diagnosed({ ...healthy, problems: [problem] })[0]?.id
  assert.equal(of('No span was begun since the start: nothing that is traced has happened.'), 'no-spans')
  assert.equal(of('4 spans were dropped, because they came faster than they could be taken.'), 'spans-dropped')
  assert.equal(of('Telemetry was started after pg: instrumentations that patch'), 'late-packages')
  assert.equal(of('No tracer provider is registered: it was taken back'), 'api-copies')
  assert.equal(of('Spans are exported nowhere: the exporter is switched off.'), 'not-exported')
  assert.equal(of('Something else'), 'variable-ignored')
  assert.deepEqual(
    diagnosed(healthy).map(({ id }) => id),
    ['spans'],
  )
})

test('without a command it looks around, and what is mistyped is told', async () => {
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`, NODE_OPTIONS: '' }
  const { code, stdout } = await ran(['doctor'], environment)
  assert.equal(code, 1)
  assert.match(stdout, /^the environment: 1 error\n\nerror {4}endpoint-refused\n {9}Nothing listens at 127/)
  assert.match(stdout, /^note {5}not-preloaded$/m)
  const wrong: [string[], RegExp][] = [
    [['--request', 'http://127.0.0.1/'], /--request needs a command/],
    [['--request', 'nowhere', '--', 'node'], /--request must be http/],
    [['--for', '1ms'], /at least a second/],
  ]
  for (const [args, message] of wrong) {
    const terminal = recorder()
    assert.equal(await run(['doctor', ...args], terminal), 2)
    assert.match(terminal.errors.join('\n'), message)
  }
})

async function probed(endpoint: string, more: Record<string, string> = {}): Promise<TelemetryFinding> {
  const [target] = targetOf({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...more })
  return probe(target)
}

async function serving(listener: RequestListener, use: (port: number) => Promise<void>): Promise<void> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await use(portOf(server))
  } finally {
    server.closeAllConnections()
    server.close()
  }
}
