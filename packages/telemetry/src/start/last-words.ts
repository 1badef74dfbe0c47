// What a process still has to say when nothing asynchronous can happen any more: it is handed to another process, over its standard
// input, and waited for. Invariant: it takes a bounded time, it never throws, and no secret becomes an argument or a variable.
import { spawnSync, type StdioOptions } from 'node:child_process'
import type { Unsent } from '../otlp/transport.ts'

/** An orchestrator that has sent SIGTERM waits for ten seconds or longer. */
const patienceMs = 5000
/** For a collector that nothing was ever delivered to: most likely there is none. */
const doubtfulMs = 2000
/** The other process tries once: a collector that is not there now will not be there in the time that is left. */
const tryMs = 4000

/** Where Node is told of certificates to trust. */
const trustVariables = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR']

/** Runs in the other process, which has nothing of ours but Node. */
const script = `
const http = require('node:http'), https = require('node:https')
let text = ''
process.stdin.setEncoding('utf8').on('data', (part) => (text += part)).on('end', async () => {
  const { url, headers, tls, bodies } = JSON.parse(text)
  const { request } = url.startsWith('https:') ? https : http
  for (const body of bodies) await new Promise((next) => {
    const sent = request(url, { method: 'POST', headers, ...tls, timeout: ${tryMs} }, (answer) => answer.resume().on('close', next))
    sent.on('error', next).on('timeout', () => sent.destroy()).end(Buffer.from(body, 'base64'))
  })
})`

/** Sends what is left. Blocks the thread until it is sent, or for 5 s. */
export function sendLastWords({ bodies, wasReached, ...envelope }: Unsent): void {
  if (bodies.length === 0) return
  const input = JSON.stringify({ ...envelope, bodies: bodies.map((body) => Buffer.from(body).toString('base64')) })
  // Without our environment, but for whom to trust: NODE_OPTIONS would start telemetry in there as well.
  const env = Object.fromEntries(trustVariables.map((name) => [name, process.env[name]]))
  try {
    const stdio: StdioOptions = ['pipe', 'ignore', 'ignore']
    spawnSync(process.execPath, ['-e', script], { input, env, stdio, timeout: wasReached ? patienceMs : doubtfulMs })
  } catch {
    // A process that may start no other (node --permission) loses its last spans, and nothing else.
  }
}
