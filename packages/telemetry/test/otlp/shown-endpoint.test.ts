// What warnings and problems show of an endpoint: never its credentials, however it is malformed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readEnvironment } from '../../src/otlp/environment.ts'
import { withoutCredentials } from '../../src/otlp/otlp-options.ts'

test('an endpoint is shown without credentials and query', () => {
  const cases: Record<string, string> = {
    'http://collector:4318/v1/traces': 'http://collector:4318/v1/traces',
    'https://me:s3cret@collector:4318/a?key=s3cret#s3cret': 'https://***@collector:4318/a',
    'http://[::1]:4318': 'http://[::1]:4318',
    'http://user:pa/s3cret@host:4318': '***@host:4318',
    'http://user:12/s3cret@host:4318': '***@host:4318',
    'http://user:s3cret@s3cret@host': '***@host',
    'collector:s3cret@host:4318': '***@host:4318',
    'http:me:s3cret@host': '***@host',
    'http:\\\\me:s3cret@host': '***@host',
    'http://user:s3cret?s3cret@host': '***',
    'http://user:12#s3cret@host': '***',
    'https://host/?token=s3cret@s3cret': '***',
    'host:4318?token=s3cret': 'host:4318',
  }
  for (const [endpoint, shown] of Object.entries(cases)) assert.equal(withoutCredentials(endpoint), shown, endpoint)
})

test('a variable that is no URL does not show its password', () => {
  for (const value of ['http://user:pa/s3cret@host:4318', 'collector:s3cret@host:4318']) {
    const { warnings } = readEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT: value })
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /OTEL_EXPORTER_OTLP_ENDPOINT.*\*\*\*@host:4318/)
    assert.doesNotMatch(warnings[0] ?? '', /s3cret|pa\//)
  }
})
