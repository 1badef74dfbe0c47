// What a person meets at the command line: busy ports, wrong words, a shop that does not survive, and that nothing is
// left behind however the program ends.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { pidsIn, runs, start, until } from './program.ts'

const noStackTrace = /^\s+at /m

test('a busy port is named with the way to change it', { timeout: 60_000 }, async (t) => {
  const squatter = createServer()
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve))
  t.after(() => squatter.close())
  const { port } = squatter.address() as AddressInfo
  const program = start(t, ['--once', '--port', String(port)])
  assert.equal(await program.ended, 3)
  assert.match(program.stderr(), new RegExp(`Port ${port} is already in use.*npm start -- --port`))
  assert.doesNotMatch(program.stderr(), noStackTrace)
})

test('a wrong flag and a wrong config are one clear message each', { timeout: 60_000 }, async (t) => {
  const flag = start(t, ['--prot', '9000'])
  const config = start(t, ['--once', '--config', fileURLToPath(import.meta.url)])
  const absent = start(t, ['--once', '--config', '/does/not/exist.yaml'])
  assert.deepEqual(await Promise.all([flag.ended, config.ended, absent.ended]), [2, 2, 2])
  assert.match(flag.stderr(), /--prot.*--help/)
  assert.match(config.stderr(), /main\.test\.ts:\d+:\d+/)
  assert.match(absent.stderr(), /\/does\/not\/exist\.yaml/)
  for (const { stderr } of [flag, config, absent]) assert.doesNotMatch(stderr(), noStackTrace)
})

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`after ${signal} no process is left`, { timeout: 90_000 }, async (t) => {
    const program = start(t, ['--port', '0'])
    await until(() => pidsIn(program.stdout()).length === 10, 'the shop is ready', 60_000)
    const pids = pidsIn(program.stdout())
    assert.ok(pids.every(runs))
    // A terminal sends its interrupt to everybody, not only to the parent.
    const { pid = 0 } = program.process
    process.kill(signal === 'SIGINT' ? -pid : pid, signal)
    assert.equal(await program.ended, signal === 'SIGKILL' ? 'SIGKILL' : 0)
    await until(() => !pids.some(runs), `all of ${pids.join(', ')} are gone`)
    if (signal === 'SIGINT') assert.doesNotMatch(program.stderr(), noStackTrace)
  })
}

for (const afterMs of [300, 1000]) {
  test(`SIGTERM ${afterMs} ms after the start ends everything that was started`, { timeout: 60_000 }, async (t) => {
    const program = start(t, ['--port', '0'])
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    const { pid = 0 } = program.process
    process.kill(pid, 'SIGTERM')
    const code = await program.ended
    // On a busy machine the signal may come before the program has begun; then there is nothing to end.
    assert.ok(code === 0 || code === 'SIGTERM', `got ${code}`)
    assert.throws(() => process.kill(-pid, 0), { code: 'ESRCH' }, 'nobody is left in its process group')
    assert.equal(program.stderr(), '')
  })
}

test('a payment service that is killed opens its circuits, is started again, and the circuits close', async (t) => {
  const program = start(t, ['--port', '0', '--calm', '60s'])
  await until(() => pidsIn(program.stdout()).length === 10, 'the shop is ready', 60_000)
  const line = program.stdout().match(/^ {2}payments .*pid (\d+)/m)
  process.kill(Number(line?.[1]), 'SIGKILL')
  const says = (words: RegExp): Promise<void> => until(() => words.test(program.stdout()), String(words), 30_000)
  await says(/payments ended unexpectedly \(signal SIGKILL\); it starts again in 5 s/)
  await says(/circuit orders -> payments +closed -> open/)
  await says(/payments is back/)
  await says(/circuit orders -> payments +half-open -> closed/)
  process.kill(program.process.pid ?? 0, 'SIGTERM')
  assert.equal(await program.ended, 0)
  assert.deepEqual(pidsIn(program.stdout()).filter(runs), [])
})
