// The options of DNS as a source of endpoints. Bounds, words and defaults are those of discovery's resolver.
import { isIP } from 'node:net'
import { z } from 'zod'
import type { DnsSource } from './discovery-config.ts'
import { expecting } from './expectation.ts'
import { between, count, duration, milliseconds, option } from './field.ts'
import { path } from './place.ts'

const nameserver = expecting(
  z.string().refine(isNameserver),
  "an IP address, with a port like '127.0.0.1:5353' or '[::1]:5353'",
)
const domain = expecting(z.string().refine(isDomain), 'a domain')
const pathOrNone = expecting(z.union([path, z.literal(false)]), 'a path, or false for none')

/** DNS: A and AAAA with a port, or SRV. */
export const dnsSource: z.ZodType<DnsSource> = expecting(
  z.strictObject({
    name: option(
      expecting(z.string().min(1).max(512), 'a text of 1 to 512 characters'),
      "The DNS name of a service; '{service}' stands for its name. For type A it may end with the port.",
      '{service}',
    ),
    type: option(z.enum(['A', 'SRV']), 'A asks for addresses, SRV for addresses and ports.', 'A'),
    port: option(count(1, 65_535), 'The port of type A where the name has none.'),
    scheme: option(z.enum(['http', 'https']), 'How the endpoints are spoken to.'),
    family: option(z.enum(['any', 'ipv4', 'ipv6']), 'Which addresses are asked for.', 'any'),
    servers: option(
      expecting(z.array(nameserver).min(1).max(8), 'a list of 1 to 8 addresses'),
      'Who is asked, in this order. Unless given: those of resolvConf.',
    ),
    search: option(
      expecting(z.array(domain).max(32), 'a list of at most 32 domains'),
      'Suffixes for short names. Unless given: those of resolvConf.',
    ),
    ndots: option(
      count(0, 15),
      'Names with fewer dots are tried with suffixes first. Unless given: that of resolvConf.',
    ),
    timeout: option(duration(10), 'How long one server is waited for. Unless given: that of resolvConf, else 5s.'),
    attempts: option(count(1, 5), 'How often each server is asked. Unless given: that of resolvConf, else 2.'),
    resolvConf: option(pathOrNone, 'The resolv.conf.', '/etc/resolv.conf'),
    hosts: option(pathOrNone, 'The hosts file.', '/etc/hosts'),
    minTtl: option(duration(1000), 'An answer is used for at least so long.', '1s'),
    maxTtl: option(duration(1000), 'And for at most so long; at least minTtl.', '5m'),
    maxNegativeTtl: option(duration(1000), 'The same for an absence.', '30s'),
    backoff: option(duration(10), 'The wait after a first failure; it doubles with each further one.', '1s'),
    maxBackoff: option(duration(10), 'The longest such wait; at least backoff.', '30s'),
    maxInFlight: option(count(1, 1000), 'Questions under way at a time.', 64),
    maxEndpoints: option(count(1, 10_000), 'Endpoints of one service.', 1000),
  }),
  'a mapping of options ({} takes the defaults)',
)
  .refine(
    ({ name, type, port }) => type === 'SRV' || port !== undefined || mayHavePort(name),
    between('port', "a port, because type A gives addresses only; or one at the end of name, or 'type: SRV'"),
  )
  .refine(({ minTtl, maxTtl }) => !isBelow(maxTtl, minTtl), between('maxTtl', 'a duration of at least minTtl'))
  .refine(
    ({ minTtl, maxNegativeTtl }) => !isBelow(maxNegativeTtl, minTtl),
    between('maxNegativeTtl', 'a duration of at least minTtl'),
  )
  .refine(
    ({ backoff, maxBackoff }) => !isBelow(maxBackoff, backoff),
    between('maxBackoff', 'a duration of at least backoff'),
  )

/**
 * Whether the name of a service can bring its port: at the end of the template. In this file no name has one, so that this is
 * the check's to tell; in code it may.
 */
function mayHavePort(name: unknown = '{service}'): boolean {
  return typeof name !== 'string' || /:\d+$/.test(name) || name.endsWith('{service}')
}

/** The shortest of each is a second unless given; the longest defaults to what suits it. */
function isBelow(longest: unknown, shortest: unknown = '1s'): boolean {
  const [most = Infinity, least = 0] = [milliseconds(longest, 10), milliseconds(shortest, 10)]
  return most < least
}

function isNameserver(text: string): boolean {
  if (isIP(text) !== 0) return true
  const [, bracketed, plain, port = '53'] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  return isIP(bracketed ?? plain ?? '') !== 0 && Number(port) >= 1 && Number(port) <= 65_535
}

function isDomain(text: string): boolean {
  const name = text.endsWith('.') ? text.slice(0, -1) : text
  return name.length <= 253 && name.split('.').every((label) => /^[0-9a-z_-]{1,63}$/i.test(label))
}
