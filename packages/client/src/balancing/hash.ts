// The hash of keys and ids: MurmurHash3 for 32 bits (Austin Appleby, public domain) over the text as UTF-16, which needs neither an
// encoder nor a copy. It is the same on every machine, so that all callers agree where a key belongs. Not for secrets, and not against
// somebody who chooses keys on purpose.

/**
 * A whole number in [0, 2^32).
 *
 * @example
 * hash32('customer-17', 0)
 */
export function hash32(text: string, seed: number): number {
  const { length } = text
  let hash = seed
  let index = 0
  for (; index + 1 < length; index += 2) {
    hash ^= scrambled(text.charCodeAt(index) | (text.charCodeAt(index + 1) << 16))
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  if (index < length) hash ^= scrambled(text.charCodeAt(index))
  hash ^= length * 2
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function scrambled(block: number): number {
  const product = Math.imul(block, 0xcc9e2d51)
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593)
}
