// How a call is placed, whichever face it comes through: where it stands in its trace, and by when it has to be over.
import { systemClock } from '@switchgear/core'
import { activeContext, Hop } from '@switchgear/telemetry'
import type { Depot } from '../depot.ts'
import { Call, type Caller } from './call.ts'
import { Errand, type Placing } from './errand.ts'
import type { HeaderList } from './header-list.ts'
import type { Outgoing } from './outgoing.ts'

const nothing = (): undefined => undefined
const plain: Placing = Object.freeze({})

/** Places a call; `caller` hears of its end, perhaps before this returns. Nothing is thrown. */
export function placeCall(depot: Depot, outgoing: Outgoing, caller: Caller, placing: Placing = plain): void {
  const { headers } = outgoing
  const hop = Hop.called(depot.upstream.name, headers.traceparent === undefined ? nothing : traceOf(headers))
  const deadline = deadlineOf(depot, outgoing, placing.deadline)
  new Call(new Errand(depot, outgoing, hop, caller, deadline, placing), caller).begin()
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
