// How a call is placed, whichever face it comes through: where it stands in its trace, and by when it has to be over.
import { type CallOptions, type Priority, systemClock } from '@switchgear/core'
import { activeContext, Hop } from '@switchgear/telemetry'
import type { Depot } from '../depot.ts'
import { Call, type Caller } from './call.ts'
import type { HeaderList } from './header-list.ts'
import type { Outgoing } from './outgoing.ts'

/** What only some faces know of a call. */
export interface Placing {
  /** Monotonic milliseconds of the depot's clock. */
  readonly deadline?: number | undefined
  readonly key?: string | undefined
  readonly priority?: Priority | undefined
}

const nothing = (): undefined => undefined
const plain: Placing = Object.freeze({})

/** Places a call; `caller` hears of its end, perhaps before this returns. Nothing is thrown. */
export function placeCall(depot: Depot, outgoing: Outgoing, caller: Caller, placing: Placing = plain): void {
  const { headers } = outgoing
  const hop = Hop.called(depot.upstream.name, headers.traceparent === undefined ? nothing : traceOf(headers))
  const options: CallOptions = {
    deadline: deadlineOf(depot, outgoing, placing.deadline),
    key: placing.key,
    priority: placing.priority,
    idempotent: outgoing.idempotent,
    scope: hop.span,
  }
  new Call(depot, outgoing, hop, options, caller).begin()
}

function traceOf({ traceparent, tracestate }: HeaderList): (name: string) => string | undefined {
  return (name) => (name === 'traceparent' ? traceparent : tracestate)
}

/** The earliest of what the caller says, what its own caller left it, and what the request's header says. */
function deadlineOf({ clock }: Depot, { headers }: Outgoing, given: number = Infinity): number | undefined {
  const ambient = activeContext().deadline
  let deadline = given
  if (ambient !== Infinity) {
    // Deadlines in a context are on the host's clock, which need not be the client's.
    deadline = Math.min(deadline, clock === systemClock ? ambient : ambient - systemClock.now() + clock.now())
  }
  if (headers.remainingMs !== Infinity) deadline = Math.min(deadline, clock.now() + headers.remainingMs)
  return deadline === Infinity ? undefined : deadline
}
