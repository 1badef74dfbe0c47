// What is measured: the same server, with nothing and with everything that can be put around it.

/** One way to run the server. */
export interface Variant {
  readonly id: string
  readonly label: string
  /** A hop: the server calls a second one, which is set up in the same way. */
  readonly hop?: boolean
  /** Spans that a request must have made, so that nothing is measured that did not happen. */
  readonly spans: number
  /** Also measured without a network. */
  readonly inMemory?: boolean
}

/** All of them. `bare` and `hop-bare` are what the others are compared with. */
export const variants: readonly Variant[] = [
  { id: 'bare', inMemory: true, label: 'bare node:http', spans: 0 },
  { id: 'context', inMemory: true, label: 'an AsyncLocalStorage entered for each request, nothing else', spans: 0 },
  { id: 'ours', inMemory: true, label: 'Switchgear, every request a span', spans: 1 },
  { id: 'ours-metrics', inMemory: true, label: 'Switchgear, every request a span and measured', spans: 1 },
  { id: 'ours-unsampled', inMemory: true, label: 'Switchgear, unsampled at the head', spans: 0 },
  { id: 'ours-otlp', label: 'Switchgear, every request a span, exported by OTLP', spans: 1 },
  { id: 'stock', inMemory: true, label: 'OpenTelemetry SDK, every request a span', spans: 1 },
  { id: 'stock-ratio', inMemory: true, label: 'OpenTelemetry SDK, 1 % of the requests', spans: 0.01 },
  { id: 'stock-otlp', label: 'OpenTelemetry SDK, every request a span, exported by OTLP', spans: 1 },
  { id: 'hop-bare', label: 'A calls B by undici, bare', hop: true, spans: 0 },
  { id: 'hop-ours', label: 'A calls B by undici, Switchgear in both', hop: true, spans: 3 },
]

/** How much of it. */
export interface Plan {
  readonly rounds: number
  /** Requests of a variant in one round; of a hop a quarter of it, because it costs several times as much. */
  readonly requests: number
  readonly warmRequests: number
  /** The same without a network, where less noise needs fewer rounds and speed allows more requests. */
  readonly memoryRounds: number
  readonly memoryRequests: number
}

export const full: Plan = { rounds: 25, requests: 9600, warmRequests: 32_000, memoryRounds: 41, memoryRequests: 8000 }
export const quick: Plan = { rounds: 11, requests: 1600, warmRequests: 8000, memoryRounds: 21, memoryRequests: 4000 }
