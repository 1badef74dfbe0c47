// Somewhere to export to, in a process of its own: an OTLP/HTTP receiver that reads every request whole, accepts it and counts its
// bytes. It says its port, and whenever it is asked, how many bytes have come.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { say } from './messages.ts'

let bytes = 0
const server = createServer((request, response) => {
  request.on('data', (part: Buffer) => (bytes += part.length))
  request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end())
})
server.listen(0, '127.0.0.1', () => say({ port: (server.address() as AddressInfo).port }))
process.on('message', () => say({ bytes }))
