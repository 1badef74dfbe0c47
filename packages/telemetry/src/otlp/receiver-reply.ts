// Writing an answer, also to somebody who is still sending. Closing a socket with unread bytes resets it, and the sender would
// lose the answer; so the answer is written whole at once, what still comes is thrown away, and only then the exchange ends.
// Invariant: an exchange ends within the linger time, however the sender behaves.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer } from './receiver-answer.ts'

/** How much, and for how long, is listened to after the answer. */
export interface Linger {
  readonly ms: number
  readonly bytes: number
}

/** Answers. Does nothing when the sender is gone. */
export function reply(request: IncomingMessage, response: ServerResponse, answer: Answer, linger: Linger): void {
  if (response.destroyed || response.headersSent) return void request.resume()
  response.writeHead(answer.status, answer.headers)
  if (request.complete || linger.ms === 0) {
    response.end(answer.body)
    return void request.resume()
  }
  // With its length in the head, this is the whole answer for the sender. A body-less one needs its head pushed out.
  if (answer.body.length > 0) response.write(answer.body)
  else response.flushHeaders()
  discard(request, linger, () => response.end())
}

/** Throws away the rest of a body, then calls `done`; destroys the connection when it is too much or takes too long. */
function discard(request: IncomingMessage, linger: Linger, done: () => void): void {
  let left = linger.bytes
  const settle = (): void => {
    clearTimeout(timer)
    request.off('data', onData).off('end', onEnd).off('close', settle)
  }
  const cut = (): void => {
    settle()
    request.socket.destroy()
  }
  const onEnd = (): void => {
    settle()
    done()
  }
  const onData = (chunk: Buffer): void => {
    left -= chunk.length
    if (left < 0) cut()
  }
  const timer = setTimeout(cut, linger.ms).unref()
  request.on('data', onData).on('end', onEnd).on('close', settle).resume()
}
