// Brings what is tested onto this machine, once: the packages of this folder when its lock file has changed, and Chromium
// where it is missing and the machine is ours to install on. What cannot be had is told, and the caller decides.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runToEnd } from './child.ts'

const here = import.meta.dirname
const stamp = join(here, 'node_modules', '.switchgear-lock')
const installLimitMs = 600_000

const say = (text: string): void => console.error(`runtimes: ${text}`)

/** Installs the packages of this folder when their lock file changed since the last time; answers what went wrong. */
export async function installPackages(): Promise<string | undefined> {
  const wanted = createHash('sha256')
    .update(readFileSync(join(here, 'package-lock.json')))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined
  const wrong = await install('the runtimes (once, about half a minute)', npm(), {})
  if (wrong === undefined) writeFileSync(stamp, wanted)
  return wrong
}

/** Under `npm run` npm tells which npm and which Node it is; elsewhere the PATH has it. */
function npm(): readonly string[] {
  const { npm_execpath: script, npm_node_execpath: node } = process.env
  const flags = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  return script === undefined || node === undefined ? ['npm', ...flags] : [node, script, ...flags]
}

/** Where Chromium is, after an attempt to install it with apt-get as root; undefined when there is none. */
export async function chromium(): Promise<string | undefined> {
  const told = process.env['CHROMIUM']
  const path = told ?? '/usr/bin/chromium'
  if (existsSync(path)) return path
  if (told !== undefined) return undefined
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return undefined
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const get = ['apt-get', 'install', '-y', '--no-install-recommends', 'chromium']
  // The first try costs nothing where the package lists are fresh, and fails at once where there are none.
  const first = await install('Chromium with apt-get', get, env)
  if (first !== undefined) {
    await install('the package lists with apt-get', ['apt-get', 'update'], env)
    await install('Chromium with apt-get, once more', get, env)
  }
  return existsSync(path) ? path : undefined
}

/** Runs one installer with progress; answers the end of its output when it failed. */
async function install(
  what: string,
  command: readonly string[],
  env: Record<string, string>,
): Promise<string | undefined> {
  const [file = '', ...words] = command
  const begun = performance.now()
  const seconds = (): number => Math.round((performance.now() - begun) / 1000)
  say(`installing ${what} ...`)
  const ticker = setInterval(() => say(`still installing, ${seconds()} s ...`), 10_000)
  const ended = await runToEnd({ command: file, words, cwd: here, env, limitMs: installLimitMs })
  clearInterval(ticker)
  if (ended.code === 0) {
    say(`ready in ${seconds()} s`)
    return undefined
  }
  const reason = ended.broken ?? `${file} ended with ${ended.code}`
  say(reason)
  return `${reason}\n${(ended.stdout + ended.stderr).trimEnd().split('\n').slice(-20).join('\n')}`
}
