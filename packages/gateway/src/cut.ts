// Why the gateway itself ended something that was under way. Told apart from what a service does, because only a deadline
// that passed while the service had everything it needed may count against it.

/** The reasons: the client left, reads or sends no more, or broke off its HTTP; a deadline passed; the gateway stops. */
export type CutReason = 'client gone' | 'client stalled' | 'client broken' | 'deadline' | 'stopping'

/** Ends a try, a wait or a read. It never reaches a client. */
export class Cut extends Error {
  readonly reason: CutReason

  /** `cause`: for a deadline, the error of the timeout that set it. */
  constructor(reason: CutReason, cause?: Error) {
    super(reason, { cause })
    this.reason = reason
  }

  override get name(): string {
    return 'Cut'
  }
}
