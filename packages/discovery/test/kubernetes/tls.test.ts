import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import { kubernetesResolver } from '../../src/kubernetes/kubernetes.ts'
import { aWhile, Recording, until } from '../polling/recording.ts'
import { FakeKubernetes, http, pod } from './fake-kubernetes.ts'
import { cert, key } from './tls-pair.ts'

it('an API server is trusted by the certificates in ca or caFile and by nothing else; the file is read again', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'switchgear-'))
  const clock = new VirtualClock()
  const cluster = new FakeKubernetes(clock, { key, cert })
  const heard = new Recording()
  const server = await cluster.listen()
  const caFile = join(directory, 'ca.crt')
  const basic = { server, namespace: 'shop', token: 'first', clock, random: () => 0 }
  const resolver = kubernetesResolver({ ...basic, caFile })
  const other = kubernetesResolver({ ...basic, ca: cert })
  try {
    cluster.put('s1', { ports: http, endpoints: [pod('a', '10.0.0.1')] })
    resolver.watch('payments', heard)
    await until(() => heard.errors.length === 1, 'there is no file yet')
    writeFileSync(caFile, '')
    await clock.advance(500)
    await until(() => heard.errors.length === 2, 'a certificate that nothing vouches for')
    assert.match(heard.error.message, /cannot be reached: self-signed certificate/)
    assert.equal(cluster.lists.length, 0, 'the token was not sent')
    writeFileSync(caFile, cert)
    await clock.advance(1000)
    await until(() => cluster.open === 1, 'trusted')
    assert.deepEqual(heard.ids, ['a'])
    const also = new Recording()
    other.watch('payments', also)
    await until(() => also.snapshots.length === 1, 'trusted by ca')
  } finally {
    await resolver.close()
    await other.close()
    await aWhile()
    await cluster.close()
    rmSync(directory, { recursive: true })
  }
  assert.deepEqual(cluster.violations, [])
  assert.equal(clock.pending, 0)
})
