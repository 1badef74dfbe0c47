// The one entry of every npm script. It owns the set-up: on a fresh clone with any Node >= 20 it installs what the
// lock file says (once, with progress) and then runs the task under the repository's own pinned Node.
// It is plain JavaScript without dependencies, because it runs before there are any.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensurePeers } from './peers.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const stamp = join(root, 'node_modules', '.switchgear-lock')
const pinnedNode = join(root, 'node_modules', 'node', 'bin', 'node')
const source = '--conditions=@switchgear/source'
const runTests = [source, '--test', '--test-timeout=120000']
const bin = (name, at = name) => join('node_modules', at, 'bin', name)

// A task is a list of steps, each an argument list for the pinned Node. Words after the task's name go to every step.
const tasks = {
  start: [[source, 'examples/shop/src/main.ts']],
  // The shop measures itself under load in real time, so nothing else may run beside it.
  test: [
    [...runTests, 'packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    [...runTests, '--test-concurrency=1', 'examples/*/test/**/*.test.ts'],
  ],
  'test:long': [[source, '--test', '--test-timeout=1200000', 'packages/*/test/**/*.long.ts', 'test/**/*.long.ts']],
  'test:runtimes': [[source, 'runtimes/main.ts']],
  'bench:core': [[source, '--expose-gc', 'bench/core/main.ts']],
  'bench:telemetry': [[source, '--expose-gc', 'bench/telemetry/main.ts']],
  'bench:effect': [[source, 'bench/effect/main.ts']],
  'bench:client': [[source, '--expose-gc', 'bench/client/main.ts']],
  'bench:fleet': [[source, 'bench/fleet/main.ts']],
  switchgear: [[source, 'packages/switchgear/src/main.ts']],
  build: [[bin('tsc', 'typescript'), '-b']],
  check: [
    [bin('tsc', 'typescript'), '-b', 'tsconfig.json'],
    [bin('oxlint'), '--deny-warnings'],
    [bin('oxfmt'), '--check'],
  ],
  fix: [[bin('oxlint'), '--fix'], [bin('oxfmt')]],
}

const [name = '', ...rest] = process.argv.slice(2)
const steps = Object.hasOwn(tasks, name) ? tasks[name] : undefined
if (steps === undefined) {
  console.error(`unknown task '${name}'; one of: ${Object.keys(tasks).join(', ')}`)
  process.exit(2)
}
await setUp()
// Real servers that tests talk to; what cannot be installed is said by name, and so are the tests that then are skipped.
if (name === 'test' || name === 'test:long') await ensurePeers()
for (const step of steps) {
  const code = await run(pinnedNode, [...step, ...rest])
  if (code !== 0) process.exit(code)
}

/** Installs when the lock file changed since the last install; silent when there is nothing to do. */
async function setUp() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  if (existsSync(stamp) && existsSync(pinnedNode) && readFileSync(stamp, 'utf8') === wanted) return
  const begun = Date.now()
  const say = (text) => console.error(`switchgear: ${text}`)
  say('installing dependencies and the pinned Node (once, about a minute) ...')
  const ticker = setInterval(() => say(`still installing, ${Math.round((Date.now() - begun) / 1000)} s ...`), 10_000)
  // Under `npm run` npm tells where it stands itself; elsewhere the PATH has it.
  const npm = process.env.npm_execpath
  const flags = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const code = npm === undefined ? await run('npm', flags) : await run(process.execPath, [npm, ...flags])
  clearInterval(ticker)
  if (code !== 0) {
    say('npm ci failed; its message stands above')
    process.exit(code)
  }
  writeFileSync(stamp, wanted)
  say(`ready in ${Math.round((Date.now() - begun) / 1000)} s`)
}

/** Runs one process with our terminal, hands signals on to it, and answers its exit code. */
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit' })
    const signals = ['SIGTERM', 'SIGHUP', 'SIGINT']
    // The terminal sends SIGINT to the whole group, so the child has it already: swallow ours and let the child end first.
    const forward = (signal) => signal !== 'SIGINT' && child.kill(signal)
    for (const signal of signals) process.on(signal, forward)
    const end = (code) => {
      for (const signal of signals) process.off(signal, forward)
      resolve(code)
    }
    child.on('error', (error) => {
      console.error(`switchgear: cannot run ${command}: ${error.message}`)
      end(1)
    })
    child.on('exit', (code, signal) => end(signal === null ? (code ?? 1) : 1))
  })
}
