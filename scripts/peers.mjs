// The programs of others that tests speak to, such as a real Prometheus. Where it may (as root on Debian) it installs what is
// missing, without starting any daemon; elsewhere it says by name what is missing. It never fails a run: the tests that need
// a peer skip by name without it, and fail in CI. Plain JavaScript without dependencies, like run.mjs, which calls it.
import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Debian package to the programs that tests want of it. */
const packages = {
  prometheus: ['prometheus', 'promtool'],
  'redis-server': ['redis-server'],
  postgresql: ['postgres', 'initdb'],
  'dnsmasq-base': ['dnsmasq'],
  'etcd-server': ['etcd'],
  'nats-server': ['nats-server'],
}

/** Milliseconds for everything together: a mirror that hangs must not hang the tests. */
const patienceMs = 5 * 60_000
const postgresRoot = '/usr/lib/postgresql'

/** The path of a program, looked for on the PATH, in the usual places of daemons, and where Debian keeps PostgreSQL. */
export function findPeer(program) {
  const places = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/local/bin',
    '/usr/bin',
    '/usr/sbin',
    ...postgresBins(),
  ]
  return places
    .filter(Boolean)
    .map((place) => join(place, program))
    .find(isExecutable)
}

/** The newest version first. */
function postgresBins() {
  if (!existsSync(postgresRoot)) return []
  const versions = readdirSync(postgresRoot).toSorted((a, b) => Number(b) - Number(a))
  return versions.map((version) => join(postgresRoot, version, 'bin'))
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false // Not there, or not for us: both mean that another place has to be tried.
  }
}

function missingPackages() {
  return Object.keys(packages).filter((name) => packages[name].some((program) => findPeer(program) === undefined))
}

/** Installs what is missing if it may. Resolves in any case. */
export async function ensurePeers(say = (text) => console.error(`switchgear: ${text}`)) {
  const wanted = missingPackages()
  if (wanted.length === 0) return
  const canInstall = process.getuid?.() === 0 && findPeer('apt-get') !== undefined
  if (canInstall) await install(wanted, say)
  const left = missingPackages()
  if (left.length === 0) return
  const programs = left.flatMap((name) => packages[name]).filter((program) => findPeer(program) === undefined)
  say(`not found: ${programs.join(', ')}; tests that need them are skipped (Debian: apt-get install ${left.join(' ')})`)
}

async function install(wanted, say) {
  const begun = Date.now()
  const deadline = begun + patienceMs
  say(`installing ${wanted.join(', ')} for the tests (once) ...`)
  const ticker = setInterval(() => say(`still installing, ${seconds(begun)} s ...`), 10_000)
  const endNoDaemons = forbidDaemons()
  try {
    // The lists may be there already; fetching them is the slow part.
    let done = await apt(['install', ...wanted], deadline)
    if (!done.ok && Date.now() < deadline) {
      await apt(['update'], deadline)
      done = await apt(['install', ...wanted], deadline)
    }
    say(done.ok ? `ready in ${seconds(begun)} s` : `apt-get did not install them: ${done.last}`)
  } finally {
    clearInterval(ticker)
    endNoDaemons()
  }
}

const seconds = (begun) => Math.round((Date.now() - begun) / 1000)

/**
 * Debian asks /usr/sbin/policy-rc.d whether it may start a daemon; 101 says no. One that is there already stays and decides.
 * Answers what takes ours away again, which also happens when the run is interrupted.
 */
function forbidDaemons() {
  const path = '/usr/sbin/policy-rc.d'
  try {
    writeFileSync(path, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' })
  } catch {
    return () => {} // There is one already, or we may not write there; RUNLEVEL=1 says the same to older packages.
  }
  const remove = () => rmSync(path, { force: true })
  const interrupted = () => process.exit(130)
  process.on('exit', remove).on('SIGINT', interrupted).on('SIGTERM', interrupted)
  return () => {
    process.off('exit', remove).off('SIGINT', interrupted).off('SIGTERM', interrupted)
    remove()
  }
}

/** Runs apt-get without questions, waiting for the lock of another one; ends it when the time is over. */
function apt(words, deadline) {
  const flags = [
    '-q',
    '-y',
    '--no-install-recommends',
    '-o',
    'DPkg::Lock::Timeout=120',
    '-o',
    'Acquire::Retries=2',
    '-o',
    'Acquire::http::Timeout=20',
  ]
  return new Promise((resolve) => {
    const child = spawn('apt-get', [...flags, ...words], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: Math.max(deadline - Date.now(), 1000),
    })
    let tail = ''
    const keep = (chunk) => (tail = `${tail}${chunk}`.slice(-2000))
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', ({ message }) => resolve({ ok: false, last: message }))
    child.on('close', (code, signal) => {
      const last = signal === null ? tail.trim().split('\n').at(-1) : `it was ended after ${patienceMs / 1000} s`
      resolve({ ok: code === 0, last })
    })
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await ensurePeers()
