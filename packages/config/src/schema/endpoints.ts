// How the endpoints of a service are chosen, weighed, waited for and connected to. Bounds and words are those of the client.
import type { BalancerName, BalancerSpec, EndpointsOptions, LoadOptions, TransportOptions } from '@switchgear/client'
import { z } from 'zod'
import { expecting } from './expectation.ts'
import { amount, count, duration, mappingOfOptions, option } from './field.ts'

const names = [
  'peakEwma',
  'leastRequest',
  'roundRobin',
  'weighted',
  'random',
  'maglev',
] as const satisfies readonly BalancerName[]

const tableSize = expecting(
  z.int().min(251).max(5_000_011).refine(isPrime),
  'a prime in [251, 5000011], like 251, 4093, 65537',
)

/** Which endpoint a call goes to. */
export const balancer: z.ZodType<BalancerSpec> = expecting(
  z.union([
    z.enum(names),
    z.strictObject({
      maglev: expecting(
        z.strictObject({
          tableSize: option(tableSize, 'Places in the table; some hundred for each endpoint are even enough.', 16_381),
        }),
        mappingOfOptions,
      ).meta({ description: 'The same key goes to the same endpoint, also when others come and go.' }),
    }),
  ]),
  `one of ${names.join(', ')}, or maglev with its options`,
)

/** How endpoints are weighed. */
export const load: z.ZodType<LoadOptions> = expecting(
  z.strictObject({
    slowStart: option(duration(0), 'In this time the share of a new endpoint grows from 10 % to its whole.', '30s'),
    aggression: option(amount(0.1, 10), 'The form of that growth: 1 is linear, more gives more at the beginning.', 1),
    timeConstant: option(duration(1), 'After so long the average forgets 63 % of a peak of the latency.', '10s'),
    failurePenalty: option(duration(0), 'What a failure is charged as: a call of this duration.', '1s'),
  }),
  mappingOfOptions,
)

/** How endpoints are waited for and let go. */
export const presence: z.ZodType<EndpointsOptions> = expecting(
  z.strictObject({
    drainFor: option(duration(1), 'What is under way on an endpoint that has gone may take so long to finish.', '5m'),
    waitFor: option(duration(0), 'How long a call waits at most for the first endpoint of all.', '5s'),
    maxWaiting: option(count(0, 1_000_000), 'Calls that may wait for it at the same time.', 1000),
  }),
  mappingOfOptions,
)

/** What TLS needs as PEM is a secret or as good as one: in code it is handed over, a file of settings has no place for it. */
const tls = expecting(
  z.union([
    z.boolean(),
    z.strictObject({
      serverName: option(
        expecting(z.string().regex(/^[0-9A-Za-z]([0-9A-Za-z.-]{0,251}[0-9A-Za-z])?$/), 'the name of a host'),
        "The name that the peer's certificate must have. Unless given: the host of the endpoint.",
      ),
    }),
  ]),
  'true, false, or a mapping with serverName',
)

/** How endpoints are connected to. */
export const connections: z.ZodType<TransportOptions> = expecting(
  z.strictObject({
    maxConnections: option(
      count(1, 100_000),
      'Connections to one endpoint at most. Unless given: what the policies let through at once, at least 100.',
    ),
    connectTimeout: option(duration(1), 'An endpoint that swallows packets is given up after this.', '3s'),
    keepAlive: option(duration(1), 'How long an idle connection is kept.', '4s'),
    maxAge: option(duration(1), 'The age at which a connection gets no further request. Unless given: none.'),
    http2: option(
      z.enum(['auto', 'never', 'always']),
      "'auto': over TLS the peer chooses; 'always': HTTP/2 also without TLS.",
      'auto',
    ),
    maxStreams: option(count(1, 10_000), 'Streams under way on one HTTP/2 connection at most.', 100),
    tls: option(tls, 'TLS to endpoints whose source does not say. Unless given: what the endpoint says.'),
  }),
  mappingOfOptions,
)

function isPrime(value: number): boolean {
  // Chance hands over what is no whole number too: the bounds before this tell it.
  if (!Number.isInteger(value) || value < 2 || value > 5_000_011) return false
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false
  return true
}
