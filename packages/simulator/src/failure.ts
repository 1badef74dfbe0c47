// How simulated requests fail. One error for each service and way, made once and thrown often: what is the same need not be
// built a million times.

/** An error as a client of the service sees it. `refusal` says that it came at once and cost no work. */
export class SimulatedFailure extends Error {
  readonly service: string
  readonly refusal: boolean

  constructor(service: string, refusal: boolean) {
    super(refusal ? `${service} refused the request` : `${service} failed the request`)
    this.service = service
    this.refusal = refusal
  }

  override get name(): string {
    return 'SimulatedFailure'
  }
}

/** Whether the code itself is wrong, as opposed to a simulated call that failed: such an error ends the simulation. */
export function isBug(error: unknown): boolean {
  const bugs = [TypeError, ReferenceError, RangeError, SyntaxError]
  return (
    bugs.some((kind) => error instanceof kind) ||
    (error instanceof Error && (error as { code?: unknown }).code === 'SG_BAD_OPTIONS')
  )
}
