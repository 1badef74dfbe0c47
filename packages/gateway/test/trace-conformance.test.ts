// The table of requirements of W3C Trace Context against the gateway, in processes with telemetry and without. By itself a gateway
// makes one call for a request; the rows with several calls are asked of one that repeats its call.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sendCrowd } from '../../telemetry/test/conformance/crowd.ts'
import { recordingTelemetry, runTable } from '../../telemetry/test/conformance/table.ts'
import { type RecordingService, recordingService, sendRaw } from '../../telemetry/test/conformance/wire.ts'
import type { Requirement } from '../../telemetry/test/propagation/requirements.ts'
import { createGateway } from '../src/index.ts'

const policies = [{ retry: { maxAttempts: 3, delay: 1, jitter: 0 } }]
let downstream: RecordingService
let port: number

async function startGateway(): Promise<() => Promise<void>> {
  downstream = await recordingService()
  const gateway = createGateway({
    routes: [{ path: '/', service: 'stock' }],
    services: { stock: { endpoints: [downstream.origin], policies } },
    port: 0,
  })
  port = (await gateway.start()).port
  return async () => {
    await gateway.stop()
    await downstream.close()
  }
}

async function handle({ incoming, calls }: Requirement) {
  downstream.failing = calls - 1
  assert.equal(await sendRaw(port, incoming), 200)
  return downstream.take()
}

runTable({ title: 'a gateway in a process without telemetry', start: startGateway, handle })

runTable({
  title: 'a gateway in a process with telemetry',
  async start() {
    const { telemetry, spans } = recordingTelemetry()
    const end = await startGateway()
    return async () => {
      await end()
      await telemetry.close()
      assert.ok(spans.some(({ kind }) => kind === 'server') && spans.some(({ kind }) => kind === 'client'))
    }
  },
  handle,
})

for (const traced of [false, true]) {
  test(`a crowd through a gateway in a process ${traced ? 'with' : 'without'} telemetry`, async (t) => {
    const telemetry = traced ? recordingTelemetry({ maxBlocks: 64 }).telemetry : undefined
    const end = await startGateway()
    t.after(async () => {
      await end()
      await telemetry?.close()
    })
    await sendCrowd(port, downstream, 1)
  })
}
