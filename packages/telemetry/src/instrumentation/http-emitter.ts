// Where listeners of a message run. Node emits what a peer sends after the head (data, end, trailers, resets) in the context of
// the connection, so a message that has more than a head gets an `emit` of its own. Invariant: only that one object is changed,
// never a prototype, and the change is gone with it.
import type { EventEmitter } from 'node:events'
import { type Context, runIn } from '../trace/context.ts'

/** Runs all listeners of `message` in `context` from now on. */
export function emitIn(context: Context, message: EventEmitter): void {
  const emit = message.emit
  message.emit = (...event: Parameters<typeof emit>): boolean => runIn(context, () => emit.apply(message, event))
}
