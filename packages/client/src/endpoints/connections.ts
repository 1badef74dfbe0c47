// The connections to one endpoint, as the set of endpoints holds them. Who makes them is the transport's business.
import type { Dispatcher } from 'undici'

/** Connections to one endpoint. Nothing is connected before the first request. */
export interface Connections {
  /** Without a path. */
  readonly origin: URL
  readonly dispatcher: Dispatcher
  /** Lets what is under way finish, then ends them. */
  close(): Promise<void>
  /** Ends them now, with whatever is under way. */
  destroy(): Promise<void>
}
