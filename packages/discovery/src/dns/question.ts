// From a service to what is asked of DNS. Owns the option `name`; a name that DNS cannot have is refused here, in words, and never
// reaches an encoder.
import { isIP } from 'node:net'
import { badName } from './errors.ts'
import { canonical, isAskable } from './names.ts'

/** What to ask for. */
export interface Question {
  /** As it was written: a trailing dot says that it is absolute. */
  readonly name: string
  /** At the end of the name (`payments.internal:8080`), or the option; undefined only for SRV. */
  readonly port: number | undefined
}

/** Stands for the name of the service in a template. */
export const placeholder = '{service}'

/** Throws `SG_DNS_NAME` when there is nothing that can be asked for. */
export function questionFor(
  service: string,
  name: string | ((service: string) => string),
  port: number | undefined,
  needsPort: boolean,
): Question {
  const written = typeof name === 'string' ? name.replaceAll(placeholder, () => service) : name(service)
  if (typeof written !== 'string') throw badName(service, 'is given no name by the option name')
  const [, host = written, digits] = /^([^:]*):(\d{1,5})$/.exec(written) ?? []
  const asked = digits === undefined ? port : Number(digits)
  if (isIP(host) !== 0) throw badName(service, 'is an address and not a name')
  if (!isAskable(canonical(host))) throw badName(service, `has a name that DNS cannot have: '${host.slice(0, 260)}'`)
  if (asked !== undefined && (asked < 1 || asked > 65_535)) throw badName(service, `has no port ${asked}`)
  if (needsPort && asked === undefined)
    throw badName(service, "has no port: give the option port, or a name like 'x:8080'")
  return { name: host, port: asked }
}
