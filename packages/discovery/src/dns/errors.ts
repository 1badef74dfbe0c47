// What the DNS resolver says when it cannot answer. Owns its codes and the one error class that the search has to tell apart.
// Absence (NXDOMAIN, NODATA) is an answer and never an error.
import { type ErrorEntry, SwitchgearError } from '@switchgear/core'

/**
 * No server gave an answer to believe. `spoken` says that the last one did speak and could not say (SERVFAIL, REFUSED), as
 * opposed to silence: after silence it is of no use to ask the same servers for the next name of a search.
 */
export class NoAnswer extends SwitchgearError {
  readonly spoken: boolean

  constructor(code: 'SG_DNS_FAILED' | 'SG_DNS_TIMEOUT', message: string, spoken: boolean) {
    super(code, message)
    this.spoken = spoken
  }
}

/** The name that a service is mapped to cannot be asked for. */
export function badName(service: string, problem: string): SwitchgearError {
  return new SwitchgearError('SG_DNS_NAME', `dns: the service '${service.slice(0, 80)}' ${problem}`)
}

/** More questions wait than are allowed to. */
export function busy(waiting: number): SwitchgearError {
  return new SwitchgearError('SG_DNS_BUSY', `dns: ${waiting} questions wait already for those under way`)
}

/** A watch was asked for after `close`. */
export function closed(): SwitchgearError {
  return new SwitchgearError('SG_DNS_CLOSED', 'dns: the resolver is closed')
}

/** What is documented of the codes of the DNS resolver. */
export const dnsErrors: readonly ErrorEntry[] = [
  {
    code: 'SG_DNS_FAILED',
    title: 'No DNS server gave a usable answer.',
    advice:
      'The message lists what each server did: SERVFAIL, REFUSED, a refused connection, a damaged or partial answer, a loop of aliases. ' +
      'The endpoints found before stay in use and it is asked again with growing waits. Check that the servers in resolv.conf ' +
      '(or the option servers) are alive and answer for this name; a name with a trailing dot is not tried with the search list.',
  },
  {
    code: 'SG_DNS_TIMEOUT',
    title: 'No DNS server answered in time.',
    advice:
      'Every server was asked as often as attempts says and waited for as long as timeout says. The endpoints found before stay in ' +
      'use. Check the addresses of the servers, and firewalls for UDP and TCP port 53.',
  },
  {
    code: 'SG_DNS_NAME',
    title: 'A service has no DNS name that can be asked for.',
    advice:
      'The option name makes the DNS name of a service. It must give labels of 1 to 63 letters, digits, hyphens and underscores, 253 ' +
      "characters in all, and for type 'A' a port, by the option port or at the end of the name (':8080').",
  },
  {
    code: 'SG_DNS_BUSY',
    title: 'Too many DNS questions wait.',
    advice:
      'The servers answer more slowly than services are asked for. Raise maxInFlight, lower timeout, or use a nearer server.',
  },
  {
    code: 'SG_DNS_CLOSED',
    title: 'A DNS resolver was used after close().',
    advice: 'Make a new one with dnsResolver(), or close it later.',
  },
]
