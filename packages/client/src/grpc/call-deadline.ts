// Deadlines of gRPC calls between three clocks: grpc-js counts in times of day of this machine, contexts in the host's monotonic
// time, policies in that of the client's clock. What is sent is the time that remains.
import type { Deadline } from '@grpc/grpc-js'
import { type Clock, systemClock } from '@switchgear/core'
import { activeContext } from '@switchgear/telemetry'

/** The earlier of the deadline of a call and the ambient one, in monotonic milliseconds of `clock`; undefined without any. */
export function callDeadline(clock: Clock, given: Deadline | null | undefined): number | undefined {
  const own = (given ?? Infinity) as Deadline
  const remainingMs = (typeof own === 'number' ? own : own.getTime()) - Date.now()
  const due = clock.now() + Math.min(remainingMs, activeContext().deadline - systemClock.now())
  return due < Infinity ? due : undefined
}

/** `due`, in monotonic milliseconds of `clock`, as grpc-js takes it. */
export function wallDeadline(clock: Clock, due: number): Deadline {
  return due === Infinity ? Infinity : Date.now() + (due - clock.now())
}
