// A diagnosis that is written for somebody outside: whole at any time, for its owner only, and never in the way of the app.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Diagnosis, diagnosisVariable } from '../../src/index.ts'

const telemetry = JSON.stringify(join(import.meta.dirname, '../../src/index.ts'))
/** Begins a span, and then does what the test says. */
const beginning = `
  const { startTelemetry } = await import(${telemetry})
  const telemetry = startTelemetry({ service: 'orders', traces: { export: false } })
  telemetry.tracer.start({ name: 'test' }, 'work', 0, undefined, telemetry.tracer.clock.now()).end()
`

let folder: string
before(async () => void (folder = await mkdtemp(join(tmpdir(), 'switchgear-diagnosis-'))))
after(() => rm(folder, { recursive: true }))

function app(script: string, value: string | null = folder): ChildProcess {
  const environment = { ...process.env, ...(value === null ? {} : { [diagnosisVariable]: value }) }
  const args = ['--conditions=@switchgear/source', '--input-type=module', '-e', beginning + script]
  return spawn(process.execPath, args, { env: environment, stdio: 'inherit' })
}

async function written({ pid }: ChildProcess): Promise<Diagnosis> {
  return JSON.parse(await readFile(join(folder, `${pid}-0.json`), 'utf8')) as Diagnosis
}

test('at the exit, with what happened until then, readable by its owner only', async () => {
  const child = app('process.exit(3)')
  const [code] = (await once(child, 'exit')) as [number]
  const { version, service, pid, tracer, problems } = await written(child)
  assert.deepEqual([code, version, service, pid, tracer.started], [3, 1, 'orders', child.pid, 1])
  assert.deepEqual(problems, ['Spans are exported nowhere: the exporter is switched off.'])
  assert.equal((await stat(join(folder, `${child.pid}-0.json`))).mode & 0o777, 0o600)
})

test('every second, so that one that is killed has spoken; and what stood in the way is still there after a close', async () => {
  const child = app(`
    const { trace } = await import('@opentelemetry/api')
    trace.disable()
    await telemetry.close()
    setInterval(() => {}, 1000)
  `)
  let found: Diagnosis | undefined
  for (let tries = 0; found === undefined && tries < 200; tries++) {
    await sleep(100)
    // It is not there yet.
    found = await written(child).catch(() => undefined)
    if (found?.problems.some((problem) => problem.startsWith('No tracer provider')) !== true) found = undefined
  }
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.match((await written(child)).problems.join(), /No tracer provider is registered: it was taken back/)
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.endsWith('.new')),
    [],
  )
})

test('a folder that is not there, and none at all, are nothing to the app', async () => {
  for (const value of [join(folder, 'nowhere'), '', null]) {
    const before = (await readdir(folder)).length
    const [code] = (await once(app('await telemetry.close()', value), 'exit')) as [number]
    assert.deepEqual([code, (await readdir(folder)).length], [0, before])
  }
})
