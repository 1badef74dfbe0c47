// A program that makes calls over gRPC, closes what it opened, and says how long it then takes until nothing keeps it alive.
import type { TestContext } from 'node:test'
import { instance, ordersOf } from './rig.ts'

const closing: (() => unknown)[] = []
const t = { after: (close: () => unknown) => void closing.push(close) } as unknown as TestContext
const one = await instance(t, 'one')
const rig = ordersOf(t)
const early = rig.orders.ask('who')
rig.roster.tell([one.port])
const { text } = await early
const unanswered = rig.orders.ask('silence')
await rig.close()
await unanswered
const from = performance.now()
for (const close of closing.toReversed()) await close()
process.on('exit', () => console.log(JSON.stringify({ answer: text, leftMs: performance.now() - from })))
