// What Chromium is shown: one page, the whole bundle of core, and the scenario beside it, all from memory on a loopback
// port. The page is done when it says so: until then a picture is held back, and with it the browser's load event.
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { build } from 'esbuild'
import { root } from './runtimes.ts'

const html = `<!doctype html>
<meta charset="utf-8">
<title>core in a browser</title>
<script type="importmap">{ "imports": { "@switchgear/core": "/core.js" } }</script>
<pre id="said"></pre>
<pre id="errors"></pre>
<img src="/held" alt="">
<script>
  const write = (id, text) => { document.getElementById(id).textContent += text + '\\n' }
  addEventListener('error', (event) => write('errors', event.message))
  addEventListener('unhandledrejection', (event) => write('errors', 'unhandled ' + event.reason))
  Promise.all([import('@switchgear/core'), import('/scenario.js')])
    .then(async ([core, { play }]) => write('said', JSON.stringify({ exports: Object.keys(core), story: await play() })))
    .catch((error) => write('errors', String(error.stack)))
    // A turn later, so that a rejection which nobody handles is told, too.
    .then(() => setTimeout(fetch, 50, '/done'))
</script>
`

/** A page that is being served. */
export interface Served {
  readonly url: string
  close(): Promise<void>
}

/** Bundles core and the scenario for browsers and serves the page; whoever calls this closes it. */
export async function servePage(): Promise<Served> {
  const files = new Map([
    ['/', { type: 'text/html', body: html }],
    ['/core.js', { type: 'text/javascript', body: await bundle('packages/core/src/index.ts') }],
    ['/scenario.js', { type: 'text/javascript', body: await bundle('runtimes/scenario.ts', '@switchgear/core') }],
  ])
  const held = new Set<ServerResponse>()
  let done = false
  const server = createServer(({ url = '/' }, response) => {
    const file = files.get(url)
    if (file !== undefined) return void response.writeHead(200, { 'content-type': file.type }).end(file.body)
    if (url === '/held' && !done) return void held.add(response)
    if (url === '/done') done = true
    if (done) for (const one of held) one.writeHead(204).end()
    if (done) held.clear()
    response.writeHead(204).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** One ES module for browsers; `external` names what it imports instead of holding it. */
async function bundle(entry: string, ...external: string[]): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [join(root, entry)],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['@switchgear/source'],
    external,
    write: false,
    logLevel: 'error',
  })
  const [file] = outputFiles
  if (file === undefined) throw new Error(`esbuild wrote no bundle of ${entry}`)
  return file.text
}
