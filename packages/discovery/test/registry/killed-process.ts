// A process that registers and deregisters until it is killed, and says after each what it was told. Arguments: path, the number
// of its life, seed.
import { writeSync } from 'node:fs'
import { seededRandom } from '@switchgear/core/testing'
import { openCatalog } from '../../src/registry/open-catalog.ts'

const [path = '', life = '', seed = ''] = process.argv.slice(2)
const random = seededRandom(Number(seed))
const say = (text: string): void => void writeSync(1, `${text}\n`)
const catalog = await openCatalog({ path, onProblem: ({ message }) => say(`problem ${message}`) })
say('open')
const living: { id: string; secret: string }[] = []
for (let n = 0; ; n++) {
  if (random() < 0.6 || living.length === 0) {
    const id = `${life}-${n}`
    // Said before and after: what was under way at the kill may be there or not.
    say(`asking ${id}`)
    const { secret } = catalog.register({
      service: 'orders',
      id,
      endpoint: { address: '127.0.0.1', port: 1 },
      leaseMs: 60_000,
    })
    living.push({ id, secret })
    say(`in ${id} ${secret}`)
  } else {
    const [gone] = living.splice(Math.floor(random() * living.length), 1)
    if (gone === undefined) continue
    say(`asking ${gone.id}`)
    catalog.deregister('orders', gone.id, gone.secret)
    say(`out ${gone.id}`)
  }
  // A turn of the loop for the timers: health and heartbeats are written there.
  if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
}
