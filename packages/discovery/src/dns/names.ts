// How DNS names are compared and which may be asked for. A name inside this room is canonical: lower case, without the trailing
// dot. Names from the network pass `isAskable` before they are asked for, because an encoder trusts what it is given.

/** Letters, digits, hyphens and the underscores of SRV; a label may be 63 octets, a name 253 characters (RFC 1035 section 2.3.4). */
const label = /^[0-9a-z_-]{1,63}$/i

/** Lower case without a trailing dot; the root is ''. Comparison of names ignores the case of ASCII letters (RFC 4343). */
export function canonical(name: string): string {
  const lower = name.toLowerCase()
  return lower.endsWith('.') ? lower.slice(0, -1) : lower
}

/** Whether a canonical name can stand in a question. */
export function isAskable(name: string): boolean {
  return name.length <= 253 && name.split('.').every((part) => label.test(part))
}
