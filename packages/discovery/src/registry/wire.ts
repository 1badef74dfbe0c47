// A record as bytes, for the file and for the peers. Whoever reads it may be of another version, and the bytes may be
// anything: what is read is checked like a registration of a stranger. Invariant: decode(encode(record)) equals the record.
import { check, checkCount, checkObject } from '@switchgear/core/options'
import type { Beats, CatalogRecord } from './record.ts'
import { type Facts, factsOf } from './registration.ts'

/** The version that is written. A reader takes this one only; a newer one is refused by name. */
export const recordVersion = 1

/** Most registries that may have counted heartbeats of one registration. */
export const mostCounters = 64

/** As JSON. */
export function encodeRecord(record: CatalogRecord): string {
  const { facts, ...rest } = record
  const { readiness: _, id: __, ...endpoint } = facts.endpoint
  return JSON.stringify({ version: recordVersion, ...rest, facts: { ...facts, endpoint } })
}

/**
 * What `encodeRecord` wrote. Throws an `Error` that says what is wrong with it.
 *
 * @example
 * decodeRecord(encodeRecord(record)) // equal to `record`
 */
export function decodeRecord(text: string): CatalogRecord {
  const value = JSON.parse(text) as Partial<CatalogRecord> & { readonly version?: unknown }
  checkObject(value, 'record')
  check(value.version === recordVersion, 'record.version', String(recordVersion), value.version)
  const { service, id, incarnation, edition, secretHash, facts, beats, expiry, left, ready, turn } = value
  checkObject(facts, 'record.facts')
  const { endpoint, leaseMs, heartbeats, check: health } = facts as Facts
  check(typeof secretHash === 'string' && /^[0-9a-f]{64}$/.test(secretHash), 'record.secretHash', 'a hash', '(hidden)')
  check(typeof left === 'boolean', 'record.left', 'true or false', left)
  check(typeof ready === 'boolean', 'record.ready', 'true or false', ready)
  return {
    service: service as string,
    id: id as string,
    incarnation: checkCount(incarnation as number, 'record.incarnation', 0),
    edition: checkCount(edition as number, 'record.edition', 0),
    secretHash: secretHash as string,
    facts: factsOf({ service: service as string, id: id as string, endpoint, leaseMs, heartbeats, check: health }),
    beats: checkedBeats(beats, 'record.beats'),
    expiry: expiry === undefined ? undefined : checkedBeats(expiry, 'record.expiry'),
    left: left as boolean,
    ready: ready as boolean,
    turn: checkCount(turn as number, 'record.turn', 0),
  }
}

function checkedBeats(beats: Beats | undefined, path: string): Beats {
  checkObject(beats, path)
  const entries = Object.entries(beats ?? {})
  check(entries.length <= mostCounters, path, `of at most ${mostCounters} registries`, entries.length)
  return Object.fromEntries(
    entries.map(([name, count]) => {
      check(name.length <= 64, path, 'by names of at most 64 characters', name.length)
      return [name, checkCount(count, `${path}.${name}`, 0)] as const
    }),
  )
}
