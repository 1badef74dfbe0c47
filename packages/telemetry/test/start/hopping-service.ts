// A service for `end-to-end.long.ts`, to be started with telemetry: `GET /hop/<port>/<port>` calls the first of the ports with the rest
// of the path, and answers how many services took part. Argument: what it does at SIGTERM.
import http from 'node:http'
import type { AddressInfo } from 'node:net'

const manner = process.argv[2] ?? 'nothing'

async function called(port: string, rest: readonly string[]): Promise<number> {
  const url = `http://127.0.0.1:${port}/hop/${rest.join('/')}`
  // Both of Node's clients.
  if (rest.length % 2 === 0) return Number(await (await fetch(url)).text())
  return new Promise((resolve, reject) => {
    const request = http.get(url, async (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part) => (text += String(part)))
      response.on('end', () => resolve(Number(text))).on('error', reject)
    })
    request.on('error', reject)
  })
}

const server = http.createServer((request, response) => {
  const [, , next, ...rest] = (request.url ?? '').split('/')
  const counting = next === undefined || next === '' ? Promise.resolve(0) : called(next, rest)
  counting.then(
    (others) => response.end(String(others + 1)),
    () => response.writeHead(502).end(),
  )
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))

if (manner === 'exit') process.on('SIGTERM', () => server.close(() => process.exit(0)))
if (manner === 'close') process.on('SIGTERM', () => server.close())
