// Endpoints that somebody wrote down, in code and in a file.
import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { Resolver } from '../../src/resolver.ts'
import { fileResolver } from '../../src/sources/file.ts'
import { endpointOf } from '../../src/sources/endpoint-text.ts'
import { staticResolver } from '../../src/sources/static.ts'
import { Hearing } from './hearing.ts'

describe('an endpoint as people write it', () => {
  test('is a URL, host and port, or its parts', () => {
    const cases = [
      ['http://10.0.0.1:4001', '10.0.0.1', 4001, 'http'],
      ['https://payments.internal', 'payments.internal', 443, 'https'],
      ['http://payments.internal/', 'payments.internal', 80, 'http'],
      ['https://h:80', 'h', 80, 'https'],
      ['http://[2001:db8::1]:8080', '2001:db8::1', 8080, 'http'],
      ['10.0.0.1:80', '10.0.0.1', 80, undefined],
      ['[::1]:4001', '::1', 4001, undefined],
    ] as const
    for (const [text, address, port, scheme] of cases) {
      const one = endpointOf(text, 'x')
      assert.deepEqual([one.address, one.port, one.scheme], [address, port, scheme], text)
    }
    assert.equal(endpointOf({ address: 'a', port: 1, zone: 'b', weight: 0 }, 'x').zone, 'b')
  })

  test('is refused where it stands when it is anything else, without a credential in the message', () => {
    const wrong = [
      '',
      'payments',
      '10.0.0.1',
      'ftp://a:1',
      'http://a/path',
      'http://a?x=1',
      'a:0',
      'a:99999',
      'a:1/x',
      'a b:1',
    ]
    for (const text of wrong) assert.throws(() => endpointOf(text, 'services.a[3]'), /services\.a\[3\]/, text)
    assert.throws(
      () => endpointOf('http://me:hunter2@a:1', 'x'),
      (error: Error) => !error.message.includes('hunter2'),
    )
    assert.throws(() => endpointOf({ address: 'a', port: 1, wieght: 2 } as never, 'x'), /x\.wieght is not an option/)
  })
})

describe('staticResolver', () => {
  test('answers later, also of a service that it does not know', async () => {
    const source = staticResolver({ payments: ['http://10.0.0.1:4001'] })
    const payments = new Hearing(source, 'payments')
    const orders = new Hearing(source, 'orders')
    assert.deepEqual(payments.heard, [])
    await undefined
    assert.deepEqual([payments.last, orders.last], ['10.0.0.1:4001 complete', 'complete'])
    await source.close()
  })

  test('an update tells what changed: who is taken out has left', async () => {
    const source = staticResolver({ a: ['h:1', 'h:2'], b: ['h:3'] })
    const a = new Hearing(source, 'a')
    const b = new Hearing(source, 'b')
    await undefined
    source.update({ a: ['h:2', 'h:4'], b: ['h:3'] })
    assert.deepEqual([a.last, b.heard.length], ['h:2 h:4 complete left h:1', 1])
    assert.throws(() => source.update({ a: ['h:9'], b: ['h:1', 'h:1'] }), /services\.b\[1\]/)
    assert.throws(() => source.update({ a: 'h:1' } as never), /services\.a must be a list/)
    assert.equal(a.heard.length, 2, 'a wrong update changes nothing')
    a.end()
    source.update({})
    assert.deepEqual([a.heard.length, b.last], [2, 'complete left h:3'])
    await source.close()
  })

  test('who ends the watch at once hears nothing', async () => {
    const source = staticResolver({ a: ['h:1'] })
    const hearing = new Hearing(source, 'a')
    hearing.end()
    await undefined
    assert.deepEqual(hearing.heard, [])
  })
})

describe('fileResolver', () => {
  let place: string
  let source: Resolver
  const path = (): string => join(place, 'endpoints.json')
  const write = (services: unknown): void => writeFileSync(path(), JSON.stringify(services))
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'endpoints-'))
    source = fileResolver({ path: path(), every: 10 })
  })
  afterEach(async () => {
    await source.close()
    rmSync(place, { recursive: true, force: true })
  })

  test('follows the file through changes, replacements and truncation', async () => {
    write({ a: ['h:1'] })
    const a = new Hearing(source, 'a')
    const b = new Hearing(source, 'b')
    await a.until('h:1 complete')
    await b.until('complete')
    write({ a: ['h:2'] })
    await a.until('h:2 complete')
    writeFileSync(join(place, 'next'), JSON.stringify({ a: ['h:3'] }))
    renameSync(join(place, 'next'), path())
    await a.until('h:3 complete')
    truncateSync(path())
    await a.until(/^failed .*endpoints\.json cannot be used/)
    write({ a: ['h:3'] })
    await a.until('h:3 complete')
    write({ b: [{ address: 'h', port: 4 }] })
    await b.until('h:4 complete')
    await a.until('complete')
  })

  test('a missing file is a source that does not answer, told once, and it heals', async () => {
    const a = new Hearing(source, 'a')
    await a.until(/^failed .*ENOENT/)
    await new Promise((resolve) => setTimeout(resolve, 60))
    assert.equal(a.heard.length, 1)
    write({ a: ['h:1'] })
    await a.until('h:1 complete')
    rmSync(path())
    await a.until(/^failed .*ENOENT/)
    const late = new Hearing(source, 'a')
    await late.until(/^failed/)
    assert.equal(late.heard[0], 'h:1 complete', 'what was found stays true')
    write({ a: ['h:1'] })
    await a.until('h:1 complete')
  })

  test('one wrong endpoint makes the whole file wrong, and the place is named', async () => {
    write({ a: ['h:1'] })
    const a = new Hearing(source, 'a')
    await a.until('h:1 complete')
    write({ a: ['h:1', 'h:2'], b: ['nonsense'] })
    await a.until(/^failed .*endpoints\.json\.b\[0\] must be/)
    for (const text of ['[]', 'null', '7', '{"a":{}}', '{"a":[null]}', '{"a":[7]}', '{"a":["h:1"]']) {
      writeFileSync(path(), text)
      await a.until((last) => last.startsWith('failed') && !last.includes('b[0]'), text)
      write({ a: ['h:1'] })
      await a.until('h:1 complete')
    }
    rmSync(path())
    mkdirSync(path())
    await a.until(/^failed .*(not a file|EISDIR)/)
  })

  test('a second writing of the same size within one tick of the clock is seen', async () => {
    write({ a: ['h:1'] })
    const a = new Hearing(source, 'a')
    await a.until('h:1 complete')
    for (let port = 2; port < 10; port++) {
      write({ a: [`h:${port}`] })
      await a.until(`h:${port} complete`)
    }
  })

  test('a file that is too large is refused', async () => {
    await source.close()
    source = fileResolver({ path: path(), every: 10, maxBytes: 100 })
    write({ a: ['h:1'] })
    const a = new Hearing(source, 'a')
    await a.until('h:1 complete')
    appendFileSync(path(), ' '.repeat(200))
    await a.until(/^failed .*more than 100/)
  })

  test('nobody watches: nobody looks', async () => {
    write({ a: ['h:1'] })
    const a = new Hearing(source, 'a')
    await a.until('h:1 complete')
    a.end()
    write({ a: ['h:2'] })
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(a.last, 'h:1 complete')
    const again = new Hearing(source, 'a')
    await again.until('h:2 complete')
  })
})
