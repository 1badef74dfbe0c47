// The sampler that the environment names.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { samplerFromEnvironment } from '../../src/sampling/sampler-environment.ts'

function named(name: string | undefined, arg?: string): { description: string; warnings: string[] } {
  const warnings: string[] = []
  const { description } = samplerFromEnvironment(name, arg, (message) => warnings.push(message))
  return { description: description.replace(/,remoteParentSampled.*\}/, '}'), warnings }
}

test('every name of the specification that is supported', () => {
  for (const [name, arg, description] of [
    ['always_on', undefined, 'AlwaysOnSampler'],
    ['always_off', undefined, 'AlwaysOffSampler'],
    ['traceidratio', '0.25', 'TraceIdRatioBased{0.25}'],
    ['traceidratio', '0', 'TraceIdRatioBased{0}'],
    ['traceidratio', undefined, 'TraceIdRatioBased{1}'],
    ['traceidratio', '', 'TraceIdRatioBased{1}'],
    ['parentbased_always_on', undefined, 'ParentBased{root:AlwaysOnSampler}'],
    ['parentbased_always_off', undefined, 'ParentBased{root:AlwaysOffSampler}'],
    ['parentbased_traceidratio', ' 0.5 ', 'ParentBased{root:TraceIdRatioBased{0.5}}'],
    ['ParentBased_TraceIdRatio', '0.5', 'ParentBased{root:TraceIdRatioBased{0.5}}'],
    [undefined, undefined, 'ParentBased{root:AlwaysOnSampler}'],
    ['', '0.5', 'ParentBased{root:AlwaysOnSampler}'],
    ['always_on', 'nonsense', 'AlwaysOnSampler'],
  ] as const)
    assert.deepEqual(named(name, arg), { description, warnings: [] }, `${name} ${arg}`)
})

test('an unknown name is told and the default is used', () => {
  for (const name of ['parentbased_jaeger_remote', 'sometimes', 'constructor', '__proto__']) {
    const { description, warnings } = named(name)
    assert.equal(description, 'ParentBased{root:AlwaysOnSampler}')
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /^OTEL_TRACES_SAMPLER must be one of always_on, .*, got '/)
  }
})

test('an argument that is no share is told and treated as unset', () => {
  for (const arg of ['1.5', '-1', 'ten', 'NaN', '0,5']) {
    const { description, warnings } = named('parentbased_traceidratio', arg)
    assert.equal(description, 'ParentBased{root:TraceIdRatioBased{1}}')
    assert.deepEqual(warnings, [`OTEL_TRACES_SAMPLER_ARG must be a number in [0, 1], got '${arg}'; 1 is used`])
  }
})
