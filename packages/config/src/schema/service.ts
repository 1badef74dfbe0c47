// A service: where it answers, what guards calls to it, how its endpoints are used, and what its clients are told when it cannot
// be asked. A host outside has the same and is guarded where it is called by its own name.
import type { ExternalOptions, ServiceOptions } from '@switchgear/client'
import { z } from 'zod'
import { hedge } from './attempts.ts'
import { ejection } from './ejection.ts'
import { balancer, connections, load, presence } from './endpoints.ts'
import { expecting } from './expectation.ts'
import { option } from './field.ts'
import { policies } from './policy.ts'
import { serviceFallback } from './service-fallback.ts'

/** What can be the host of an endpoint: a name or an address, as the URL spells it. */
const host = /^(?:[0-9a-z_][0-9a-z_.-]{0,252}|\[[0-9a-f:.]+\])$/

const endpoint = expecting(
  z
    .string()
    .regex(/^https?:\/\/[^/?#@\\\s]+\/?$/)
    .refine(isReachable),
  'an origin such as http://payments:8080, without path and password',
)

const endpoints = expecting(z.array(endpoint).min(1).max(1000), 'a list of at least one origin')

/** What a service and a host outside have in common, besides where they are. */
const guarded = {
  policies: option(policies, "What guards a call, outermost first. Without it: the client's standard stack."),
  fallback: option(serviceFallback, 'What is answered when the service cannot be asked.'),
  hedge: option(hedge, 'A second request at another endpoint when the first is slow; only what is idempotent.'),
  balancer: option(balancer, 'How an endpoint is chosen.', 'peakEwma'),
  ejection: option(ejection, 'When an endpoint is left out for a while; false: never.'),
  load: option(load, 'How load and latency of endpoints are measured, and how new ones start.'),
  presence: option(presence, 'How endpoints are waited for and let go.'),
  connections: option(connections, 'How endpoints are connected to.'),
}

/** The name of a service. It becomes a label of metrics and part of what operators type. */
export const serviceName: z.ZodString = expecting(
  z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/),
  'a name of at most 63 letters, digits, dots, dashes and underscores',
)

/** One service. Whether it may do without endpoints lies between it and the rest of the file. */
export const service: z.ZodType<ServiceOptions> = expecting(
  z.strictObject({
    endpoints: option(endpoints, 'Origins that answer for the service. Without it: those that discovery finds.'),
    ...guarded,
  }),
  'a mapping of options ({} takes the defaults)',
)

/** A host outside as it stands in a URL, with its port where that is not the usual one. */
export const externalHost: z.ZodString = expecting(
  z
    .string()
    .regex(/^[0-9a-z_][0-9a-z_.-]{0,252}(:[0-9]{1,5})?$/)
    .refine((name) => isReachable(`https://${name}`)),
  'a host such as api.example.com, in lower case, perhaps with a port',
)

/** One host outside. */
export const external: z.ZodType<ExternalOptions> = expecting(
  z.strictObject({
    endpoints: option(endpoints, 'Origins that answer for the host. Without it: https:// and the host.'),
    ...guarded,
    deadlines: option(z.boolean(), "Whether it is told deadlines, and the caller's are read.", false),
  }),
  'a mapping of options ({} takes the defaults)',
)

function isReachable(origin: string): boolean {
  const url = URL.parse(origin)
  return url !== null && url.port !== '0' && host.test(url.hostname)
}
