import assert from 'node:assert/strict'
import { it } from 'node:test'
import { negotiateFormat } from '../../src/metrics/accept.ts'

const open = 'application/openmetrics-text'

it('an Accept header decides the format', () => {
  const cases: [string | undefined, 'text' | 'openmetrics'][] = [
    [undefined, 'text'],
    ['', 'text'],
    ['*/*', 'text'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text'],
    ['application/*', 'text'],
    [open, 'openmetrics'],
    [`${open};version=1.0.0`, 'openmetrics'],
    [`${open}; version="1.0.0"; charset=utf-8`, 'openmetrics'],
    [`${open.toUpperCase()};VERSION=1.0.0`, 'openmetrics'],
    [`${open};version=2.0.0`, 'text'],
    [`${open};version=0.0.1`, 'text'],
    [`${open};q=0`, 'text'],
    [`${open};q=0,*/*`, 'text'],
    [`${open};q=0.5,text/plain;q=0.4`, 'openmetrics'],
    [`${open};q=0.4,text/plain;q=0.5`, 'text'],
    [`text/plain;version=0.0.4;q=1,${open};q=1`, 'openmetrics'],
    [`${open};q=0.5,*/*;q=0.8`, 'text'],
    [`${open};q=0.5,text/plain;q=0.1,*/*;q=0.8`, 'openmetrics'],
    [`${open};q=0.5,text/*;q=0.6,*/*;q=0.1`, 'text'],
    [`${open};q=bad,text/plain;q=0.1`, 'text'],
    // What Prometheus 2 and 3 send.
    [`${open};version=1.0.0,${open};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`, 'openmetrics'],
    [
      `${open};version=1.0.0;escaping=allow-utf-8;q=0.6,${open};version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2`,
      'openmetrics',
    ],
    [`text/plain;version=0.0.4;q=0.5,*/*;q=0.1`, 'text'],
    [`${open},${' '.repeat(5000)}`, 'text'],
    [';;;,,,=;q', 'text'],
  ]
  for (const [accept, format] of cases) assert.equal(negotiateFormat(accept), format, accept ?? 'no header')
})
