// The load generator, in a process of its own: keep-alive connections with one request at a time on each, over bare sockets, so
// that it costs less than what it measures. It says `{}` when ready, and for every load how many requests were answered.
import { connect, type Socket } from 'node:net'
import { type Load, say } from './messages.ts'
import { request } from './request.ts'

const sockets = new Map<number, Socket[]>()

process.on('message', (load: Load) => {
  run(load).then(say, (error: unknown) => {
    process.stderr.write(`load: ${String(error)}\n`)
    process.exit(1)
  })
})
say({})

async function run({ port, requests, connections }: Load): Promise<{ answered: number }> {
  const open = sockets.get(port) ?? []
  sockets.set(port, open)
  while (open.length < connections) open.push(connect(port, '127.0.0.1').setNoDelay(true))
  let left = requests
  const take = (): boolean => left-- > 0
  await Promise.all(open.slice(0, connections).map((socket) => drive(socket, take)))
  return { answered: requests }
}

/** Sends one request after the other as long as `take` allows. */
function drive(socket: Socket, take: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let length = 0
    let heard = 0
    const end = (error?: Error): void => {
      socket.off('data', onData).off('error', end).off('close', onClose)
      if (error === undefined) resolve()
      else reject(error)
    }
    const onClose = (): void => end(new Error('the server closed a connection'))
    const next = (): void => {
      if (!take()) return end()
      heard = 0
      socket.write(request)
    }
    const onData = (part: Buffer): void => {
      if (length === 0) length = lengthOf(part)
      heard += part.length
      if (heard >= length) next()
    }
    socket.on('data', onData).on('error', end).on('close', onClose)
    next()
  })
}

/** All answers of a server are equally long; the first tells how long. */
function lengthOf(part: Buffer): number {
  const text = part.toString('latin1')
  const match = /^HTTP\/1\.1 200 [\s\S]*\r\ncontent-length: (\d+)\r\n[\s\S]*?\r\n\r\n/i.exec(text)
  if (match === null) throw new Error(`unexpected answer: ${text.slice(0, 200)}`)
  return match[0].length + Number(match[1])
}
