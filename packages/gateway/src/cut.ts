// Why the gateway itself ended something that was under way. Told apart from what a service does, because only a deadline
// that passed while the service had everything it needed may count against it.

/** The reasons: the client left, a deadline passed, the client reads or sends no more, the gateway stops. */
export type CutReason = 'client gone' | 'deadline' | 'client stalled' | 'stopping'

/** Ends a try, a wait or a read. It never reaches a client. */
export class Cut extends Error {
  readonly reason: CutReason

  constructor(reason: CutReason) {
    super(reason)
    this.reason = reason
  }

  override get name(): string {
    return 'Cut'
  }
}
