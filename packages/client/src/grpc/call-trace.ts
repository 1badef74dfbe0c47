// The place of a gRPC call in its trace: a span for the call, and one below it for what is sent, whose headers go into the metadata.
// Invariant: both end once, and what is sent is traced by nobody else, although grpc-js sends through node:http2.
import type { Outcome, SwitchgearError } from '@switchgear/core'
import type { Departure, Hop } from '@switchgear/telemetry'

/** The trace of one call. */
export class CallTrace {
  readonly #hop: Hop
  readonly #service: string
  readonly #path: string
  #departure: Departure | undefined = undefined

  constructor(hop: Hop, service: string, path: string) {
    this.#hop = hop
    this.#service = service
    this.#path = path
  }

  /** What observers of policies attach events to. */
  get scope(): Hop['span'] {
    return this.#hop.span
  }

  /** It is sent; answers what it has to carry. To which of the endpoints it goes, the channel decides later. */
  depart(): readonly (readonly [string, string])[] {
    const endpoint = URL.parse(`http://${this.#service}`) ?? nameless
    const sending = {
      service: this.#service,
      method: 'POST',
      endpoint,
      path: this.#path,
      attempt: 1,
      hasBaggage: false,
    }
    this.#departure = this.#hop.depart(sending)
    return this.#departure.headers
  }

  /** `problem` is the status, where it is not OK. */
  end(outcome: Outcome, error: SwitchgearError | undefined, problem: string | undefined): void {
    this.#departure?.end(undefined, problem)
    this.#hop.end(outcome, error)
  }
}

const nameless = new URL('http://unknown')
