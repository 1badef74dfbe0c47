import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Peer } from '../../src/endpoints/peer.ts'
import { entry, Rig } from './rig.ts'

const calls = 20_000

/** Bytes by which the heap grows over so many runs; the least of several looks, because a collection may come between. */
function growth(run: () => void): number {
  let least = Infinity
  for (let look = 0; look < 8; look++) {
    const before = process.memoryUsage().heapUsed
    for (let call = 0; call < calls; call++) run()
    const grown = process.memoryUsage().heapUsed - before
    if (grown >= 0) least = Math.min(least, grown)
  }
  return least
}

test('pick, enter, settle and exit allocate nothing, also while one is ejected', () => {
  const rig = new Rig({ balancer: 'peakEwma' })
  rig.roster.hold(...Array.from({ length: 10 }, (_, index) => entry(index + 1)))
  rig.fail(rig.peer('1'))
  const tried: readonly Peer[] = []
  const now = rig.clock.now()
  const run = (): void => {
    const peer = rig.peers.pick(now, undefined, tried)
    if (peer === undefined) throw new Error('nobody')
    const ticket = peer.enter(now)
    peer.settle(ticket, 'success', 3, now)
    peer.exit(ticket)
  }
  for (let call = 0; call < 200_000; call++) run()
  const bytes = growth(run) / calls
  // A boxed number of the account of the load is 16 bytes; an object, an array or a closure per call would be more than 24.
  assert.ok(bytes < 24, `${bytes} bytes a call`)
  console.log(`# ${bytes.toFixed(2)} bytes a call`)
})
