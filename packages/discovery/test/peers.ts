// Programs of others that tests speak to. A test that needs one says so by `needs`: without it the test is skipped by name,
// except in CI, where a missing peer is a failure.
import assert from 'node:assert/strict'

const peers = (await import(new URL('../../../scripts/peers.mjs', import.meta.url).href)) as {
  readonly findPeer: (program: string) => string | undefined
}

/** Path of a program such as `dnsmasq` or `etcd`, undefined where it is not installed. */
export const peer: (program: string) => string | undefined = peers.findPeer

/**
 * Options for a test or suite that needs these programs.
 *
 * @example
 * describe('a real dnsmasq', needs('dnsmasq'), () => { ... })
 */
export function needs(...programs: readonly string[]): { readonly skip: string | false } {
  const missing = programs.filter((program) => peer(program) === undefined)
  if (missing.length === 0) return { skip: false }
  assert.ok(!process.env.CI, `in CI the tests need ${missing.join(', ')}`)
  return { skip: `not installed: ${missing.join(', ')}` }
}
