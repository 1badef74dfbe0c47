// How a service and an instance become a key of NATS KV: `<service>.<id>`, two levels. Keys may hold letters, digits and `-/_=.`, and a
// dot begins a level, so every byte (of UTF-8) that is none of `A-Za-z0-9_-` is written as `=` and two hexadecimal digits, as in
// quoted-printable: `orders.v2` is `orders=2Ev2`. Invariant: the mapping is one to one, and plain names stay readable.

/**
 * The key of an instance, for whoever writes it.
 *
 * @example
 * await kv.put(natsKey('payments', '10.0.0.7:4001'), JSON.stringify({ address: '10.0.0.7', port: 4001 }))
 */
export function natsKey(service: string, id: string): string {
  return `${tokenOf(service)}.${tokenOf(id)}`
}

/** One level of a key. */
export function tokenOf(text: string): string {
  // A text that is not well formed has no bytes of its own; what stands for it is the same on every machine.
  return text
    .toWellFormed()
    .replaceAll(/[^A-Za-z0-9_-]/gu, (char) =>
      [...Buffer.from(char)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
    )
}

/** The text of a level. One that `tokenOf` would not write, from somebody who knows no mapping, is taken as it is. */
export function textOf(token: string): string {
  const bytes = Buffer.from(
    token.replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16))),
    'latin1',
  )
  const text = bytes.toString('utf8')
  return tokenOf(text) === token ? text : token
}
