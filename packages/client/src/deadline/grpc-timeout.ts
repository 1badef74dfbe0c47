// The header by which a deadline travels over gRPC: `grpc-timeout`, at most eight digits and a unit ("Timeout" in the
// specification "gRPC over HTTP2"). Strict in what it reads, like its neighbour.

/** Name of the header. */
export const grpcTimeoutHeader = 'grpc-timeout'

const msOfUnit: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }
/** From the finest that we write to the coarsest. */
const written = [
  ['m', 1],
  ['S', 1000],
  ['M', 60_000],
  ['H', 3_600_000],
] as const
const mostValue = 99_999_999

/**
 * Milliseconds, with fractions for micro- and nanoseconds. Undefined for what is not 1 to 8 digits and one of `H M S m u n`.
 *
 * @example
 * parseGrpcTimeout('250m') // 250
 * parseGrpcTimeout('2S') // 2000
 */
export function parseGrpcTimeout(text: string): number | undefined {
  if (!/^\d{1,8}[HMSmun]$/.test(text)) return undefined
  return Number(text.slice(0, -1)) * (msOfUnit[text.slice(-1)] ?? Number.NaN)
}

/**
 * The text for `remainingMs`, in the finest unit from milliseconds on that has room for it, rounded down, at least '1m'. Undefined
 * where no unit has room, which means that there is no deadline.
 *
 * @example
 * formatGrpcTimeout(250.9) // '250m'
 */
export function formatGrpcTimeout(remainingMs: number): string | undefined {
  for (const [unit, ms] of written) {
    const value = Math.max(1, Math.floor(remainingMs / ms))
    if (value <= mostValue) return `${value}${unit}`
  }
  return undefined
}
