import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readEnvironment, type TelemetryVariables } from '../../src/otlp/environment.ts'
import type { Variables } from '../../src/otlp/environment-values.ts'
import { otlpExporter } from '../../src/otlp/exporter.ts'

const nothing: TelemetryVariables = {
  disabled: false,
  resourceAttributes: {},
  traces: { otlp: {} },
  metrics: { otlp: {} },
  limits: {},
  warnings: [],
}

test('without variables, with empty ones and with blanks, nothing is said', () => {
  assert.deepEqual(readEnvironment({}), nothing)
  assert.deepEqual(readEnvironment({ OTEL_SERVICE_NAME: '', OTEL_TRACES_EXPORTER: '  ', PATH: '/bin' }), nothing)
})

const base = 'OTEL_EXPORTER_OTLP_ENDPOINT'
const traces = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'

test('endpoints: a path is added to the common one only', () => {
  for (const [variables, ofTraces, ofMetrics] of [
    [{ [base]: 'http://c:4318' }, 'http://c:4318/v1/traces', 'http://c:4318/v1/metrics'],
    [{ [base]: 'http://c:4318/' }, 'http://c:4318/v1/traces', 'http://c:4318/v1/metrics'],
    [{ [base]: 'http://c:4318/my/' }, 'http://c:4318/my/v1/traces', 'http://c:4318/my/v1/metrics'],
    [{ [base]: 'https://c/my?k=1' }, 'https://c/my/v1/traces?k=1', 'https://c/my/v1/metrics?k=1'],
    [{ [traces]: 'http://c:4318' }, 'http://c:4318/', undefined],
    [{ [base]: 'http://a', [traces]: 'http://b/x/' }, 'http://b/x/', 'http://a/v1/metrics'],
    [{ [base]: 'http://a', [traces]: 'b:4318' }, 'http://a/v1/traces', 'http://a/v1/metrics'],
    [{ [base]: 'c:4318' }, undefined, undefined],
    [{ [base]: 'nonsense' }, undefined, undefined],
  ] as const) {
    const read = readEnvironment(variables as Variables)
    assert.deepEqual(
      [read.traces.otlp.endpoint, read.metrics.otlp.endpoint],
      [ofTraces, ofMetrics],
      JSON.stringify(variables),
    )
  }
})

test('every variable at its place', () => {
  const read = readEnvironment({
    OTEL_SDK_DISABLED: 'TRUE',
    OTEL_SERVICE_NAME: 'orders',
    OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,deployment.environment.name=prod%2Ceu, team = a%20b',
    OTEL_TRACES_EXPORTER: 'otlp, Console,otlp',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Basic%20abc%3D%3D,x-tenant=t1',
    OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'x-tenant=t2',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'GZIP',
    OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: 'none',
    OTEL_EXPORTER_OTLP_TIMEOUT: '2500',
    OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: '0',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_CERTIFICATE: '/etc/ca.pem',
    OTEL_EXPORTER_OTLP_CLIENT_KEY: '/etc/key.pem',
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: '/etc/cert.pem',
    OTEL_BSP_SCHEDULE_DELAY: '0',
    OTEL_BSP_MAX_QUEUE_SIZE: '100',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '100',
    OTEL_BSP_EXPORT_TIMEOUT: '3000',
    OTEL_METRIC_EXPORT_INTERVAL: '15000',
    OTEL_METRIC_EXPORT_TIMEOUT: '4000',
    OTEL_TRACES_SAMPLER: 'ParentBased_TraceIdRatio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
    OTEL_PROPAGATORS: 'tracecontext,baggage,b3,baggage',
    OTEL_ATTRIBUTE_COUNT_LIMIT: '64',
    OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: '8',
    OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '200',
    OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '100',
    OTEL_SPAN_EVENT_COUNT_LIMIT: '0',
    OTEL_SPAN_LINK_COUNT_LIMIT: '9',
  })
  const files = { caFile: '/etc/ca.pem', keyFile: '/etc/key.pem', certFile: '/etc/cert.pem' }
  assert.deepEqual(read, {
    disabled: true,
    resourceAttributes: { 'service.name': 'orders', 'deployment.environment.name': 'prod,eu', team: 'a b' },
    traces: {
      exporters: ['otlp', 'console'],
      otlp: {
        headers: { authorization: 'Basic abc==', 'x-tenant': 't1' },
        compression: 'gzip',
        timeout: 2500,
        protocol: 'http/json',
        ...files,
      },
      flushEvery: 1,
      maxQueueSize: 100,
      maxBatch: 100,
      flushTimeout: 3000,
      sampler: 'parentbased_traceidratio',
      samplerArgument: '0.25',
    },
    metrics: {
      exporters: ['none'],
      otlp: {
        headers: { 'x-tenant': 't2' },
        compression: 'none',
        timeout: 2 ** 31 - 1,
        protocol: 'http/json',
        ...files,
      },
      interval: 15_000,
      flushTimeout: 4000,
    },
    limits: {
      attributeCount: 64,
      attributeValueLength: 200,
      eventCount: 0,
      linkCount: 9,
      attributePerEventCount: 8,
      attributePerLinkCount: 64,
    },
    propagators: ['tracecontext', 'baggage', 'b3'],
    warnings: [],
  })
})

test('what is wrong is told and ignored', () => {
  for (const [name, value, warning] of [
    ['OTEL_SDK_DISABLED', 'yes', "OTEL_SDK_DISABLED must be true or false, got 'yes'; it is ignored"],
    ['OTEL_BSP_SCHEDULE_DELAY', '-1', "OTEL_BSP_SCHEDULE_DELAY must be a whole number >= 0, got '-1'; it is ignored"],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '0', "OTEL_BSP_MAX_QUEUE_SIZE must be a whole number >= 1, got '0'; it is ignored"],
    ['OTEL_BSP_EXPORT_TIMEOUT', '5s', "OTEL_BSP_EXPORT_TIMEOUT must be a whole number >= 0, got '5s'; it is ignored"],
    [
      'OTEL_SPAN_LINK_COUNT_LIMIT',
      '1e3',
      "OTEL_SPAN_LINK_COUNT_LIMIT must be a whole number >= 0, got '1e3'; it is ignored",
    ],
    [
      'OTEL_ATTRIBUTE_COUNT_LIMIT',
      '3000000000',
      "OTEL_ATTRIBUTE_COUNT_LIMIT must be a whole number >= 0, got '3000000000'; it is ignored",
    ],
    [
      'OTEL_EXPORTER_OTLP_COMPRESSION',
      'zstd',
      "OTEL_EXPORTER_OTLP_COMPRESSION must be one of gzip, none, got 'zstd'; it is ignored",
    ],
    [
      'OTEL_TRACES_EXPORTER',
      'zipkin',
      "OTEL_TRACES_EXPORTER must be one of otlp, console, none, got 'zipkin'; it is ignored",
    ],
    [
      'OTEL_RESOURCE_ATTRIBUTES',
      'a=1,b',
      "OTEL_RESOURCE_ATTRIBUTES must be key=value,key=value, percent-encoded, got 'a=1,b'; it is ignored",
    ],
    [
      'OTEL_RESOURCE_ATTRIBUTES',
      'a=%zz',
      "OTEL_RESOURCE_ATTRIBUTES must be key=value,key=value, percent-encoded, got 'a=%zz'; it is ignored",
    ],
    [
      'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
      'ftp://u:pw@h/x?t=1',
      "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT must be a URL with http or https, got 'ftp://***@h/x'; it is ignored",
    ],
    [
      'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
      '4096',
      "OTEL_BSP_MAX_EXPORT_BATCH_SIZE must be at most OTEL_BSP_MAX_QUEUE_SIZE, which is 2048, got '4096'; it is ignored",
    ],
    [
      'OTEL_EXPORTER_OTLP_HEADERS',
      'bad name=secret',
      'OTEL_EXPORTER_OTLP_HEADERS: entry 1 is no header of the form name=value and is ignored',
    ],
    [
      'OTEL_EXPORTER_OTLP_HEADERS',
      'a=sec%0aret',
      'OTEL_EXPORTER_OTLP_HEADERS: entry 1 is no header of the form name=value and is ignored',
    ],
  ] as const) {
    assert.deepEqual(readEnvironment({ [name]: value }), { ...nothing, warnings: [warning] })
  }
})

test('a wrong value of a signal leaves the common one in force', () => {
  const read = readEnvironment({ OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: 'soon', OTEL_EXPORTER_OTLP_TIMEOUT: '700' })
  assert.deepEqual([read.traces.otlp.timeout, read.metrics.otlp.timeout], [700, 700])
  assert.equal(read.warnings.length, 1)
})

test('grpc is refused with the reason, and http/protobuf stays', () => {
  const read = readEnvironment({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })
  assert.deepEqual(read.traces.otlp, {})
  assert.equal(read.warnings.length, 1)
  assert.match(read.warnings[0] ?? '', /gRPC is not spoken: collectors take http\/protobuf, mostly on port 4318/)
})

test('properties after a header are left out, other headers stay, and no value is ever shown', () => {
  const read = readEnvironment({ OTEL_EXPORTER_OTLP_HEADERS: ' a = one ;hidden=2, =x ,b=two=3,__proto__=p' })
  assert.deepEqual(Object.entries(read.traces.otlp.headers ?? {}), [
    ['a', 'one'],
    ['b', 'two=3'],
    ['__proto__', 'p'],
  ])
  assert.deepEqual(read.warnings, [
    "OTEL_EXPORTER_OTLP_HEADERS: what follows ';' in 'a' is ignored",
    'OTEL_EXPORTER_OTLP_HEADERS: entry 2 is no header of the form name=value and is ignored',
  ])
})

test('what is read is what the exporter takes', async () => {
  const { traces: read } = readEnvironment({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    OTEL_EXPORTER_OTLP_HEADERS: 'a=1',
    OTEL_EXPORTER_OTLP_TIMEOUT: '0',
    OTEL_BSP_MAX_QUEUE_SIZE: '10',
  })
  const { otlp, maxQueueSize, maxBatch, flushTimeout } = read
  await otlpExporter({ ...otlp, maxQueueSize, maxBatch, flushTimeout }).close()
})
