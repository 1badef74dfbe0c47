// The documentation is held to the schema: its examples are parsed, every key has its row with its default.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { presets } from '@switchgear/core'
import { checkConfig, jsonSchema, parseConfig } from '../src/index.ts'
import { errorOf } from './faulty.ts'

const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')

interface Node {
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: boolean | Node
  readonly required?: readonly string[]
  readonly anyOf?: readonly Node[]
  readonly items?: Node
  readonly default?: unknown
}

/** Blocks of a language. */
function blocks(language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, block = '']) => block)
}

/** Cells of the rows below a heading, by the key in the first. */
function rows(heading: string): Map<string, string[]> {
  const section = page.split(/^#+ /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
  const cells = [...section.matchAll(/^\| `([^`]+)` \|(.*)\|$/gm)]
  return new Map(cells.map(([, key = '', rest = '']) => [key, rest.split(' | ').map((cell) => cell.trim())]))
}

function at(...steps: readonly string[]): Node {
  let node = jsonSchema() as Node
  for (const step of steps) {
    const mapping: Node | undefined =
      node.properties === undefined ? node.anyOf?.find(({ properties }) => properties?.[step] !== undefined) : node
    const found: Node | undefined =
      step === '*' ? (node.additionalProperties as Node) : step === '[]' ? node.items : mapping?.properties?.[step]
    assert.ok(found !== undefined, `${steps.join('.')}: no ${step}`)
    node = found
  }
  return node.properties === undefined ? (node.anyOf?.find(({ properties }) => properties !== undefined) ?? node) : node
}

const scenario = (...steps: readonly string[]): Node => at('simulation', 'scenarios', '*', ...steps)
const service = (...steps: readonly string[]): Node => at('services', '*', ...steps)
const policy = (kind: string): Node => at('services', '*', 'policies', '[]', kind)

const sections: readonly [heading: string, node: Node][] = [
  ['The file', at()],
  ['gateway', at('gateway')],
  ['gateway.routes[]', at('gateway', 'routes', '[]')],
  ['services.*', at('services', '*')],
  ['services.*.fallback', at('services', '*', 'fallback')],
  ['services.*.fallback.cached', at('services', '*', 'fallback', 'cached')],
  ['services.*.balancer', service('balancer')],
  ['services.*.balancer.maglev', service('balancer', 'maglev')],
  ['services.*.ejection', service('ejection')],
  ['services.*.ejection.successRate', service('ejection', 'successRate')],
  ['services.*.ejection.failureShare', service('ejection', 'failureShare')],
  ['services.*.load', service('load')],
  ['services.*.presence', service('presence')],
  ['services.*.connections', service('connections')],
  ['services.*.connections.tls', service('connections', 'tls')],
  ['external.*', at('external', '*')],
  ['discovery', at('discovery')],
  ['discovery.registry', at('discovery', 'registry')],
  ['discovery.dns', at('discovery', 'dns')],
  ['discovery.file', at('discovery', 'file')],
  ['discovery.consul', at('discovery', 'consul')],
  ['discovery.kubernetes', at('discovery', 'kubernetes')],
  ['discovery.kubernetes.services.*', at('discovery', 'kubernetes', 'services', '*')],
  ['discovery.etcd', at('discovery', 'etcd')],
  ['discovery.nats', at('discovery', 'nats')],
  ['discovery.nats.credentials', at('discovery', 'nats', 'credentials')],
  ['circuitBreaker', policy('circuitBreaker')],
  ['retry', policy('retry')],
  ['retry.budget', at('services', '*', 'policies', '[]', 'retry', 'budget')],
  ['timeout', policy('timeout')],
  ['bulkhead', policy('bulkhead')],
  ['rateLimit', policy('rateLimit')],
  ['adaptiveLimit', policy('adaptiveLimit')],
  ['throttle', policy('throttle')],
  ['shed', policy('shed')],
  ['hedge', policy('hedge')],
  ['cache', policy('cache')],
  ['coalesce', policy('coalesce')],
  ['chaos', policy('chaos')],
  ['chaos.latency', at('services', '*', 'policies', '[]', 'chaos', 'latency')],
  ['fallback', policy('fallback')],
  ['shared', at('shared')],
  ['simulation', at('simulation')],
  ['simulation.services.*', at('simulation', 'services', '*')],
  ['simulation.services.*.calls[]', at('simulation', 'services', '*', 'calls', '[]')],
  ['simulation.load[]', at('simulation', 'load', '[]')],
  ['simulation.load[].bursts[]', at('simulation', 'load', '[]', 'bursts', '[]')],
  ['simulation.scenarios.*', scenario()],
  ['simulation.scenarios.*.faults[]', scenario('faults', '[]')],
  ['simulation.scenarios.*.faults[].fault', scenario('faults', '[]', 'fault')],
]

for (const [heading, node] of sections) {
  test(`every key of ${heading} has its row, with its default`, () => {
    const documented = rows(heading)
    const keys = Object.keys(node.properties ?? {})
    assert.ok(keys.length > 0)
    assert.deepEqual(
      [...documented.keys()].filter((key) => !(key in presets)),
      keys,
    )
    for (const key of keys) {
      const [type, standard = ''] = documented.get(key) ?? []
      assert.ok(type !== undefined && type !== '', key)
      const known = node.properties?.[key]?.default
      if (known !== undefined && known !== '') assert.equal(standard, `\`${String(known)}\``, key)
      else assert.doesNotMatch(standard, /`/, `${key}: ${standard}`)
      assert.equal(standard === 'required', node.required?.includes(key) ?? false, key)
    }
  })
}

/** Those that are right; the wrong one shows what is printed of it. */
const examples = blocks('yaml').filter((block) => !block.includes('paymets'))

test('the examples parse, use every key there is, and have nothing that the check would find', () => {
  assert.equal(examples.length, blocks('yaml').length - 1)
  const found = examples.flatMap((example) => checkConfig(parseConfig(example)))
  // What stands there on purpose is told always.
  assert.deepEqual(
    found.map(({ id }) => id),
    ['chaos-in-file'],
  )
  assert.deepEqual(Object.keys(parseConfig(examples[0] ?? '').services), ['orders', 'payments', 'recommendations'])
  // Only one key of a fault fits its kind, and a fallback among policies fits nowhere.
  const unfit = new Set(['ratio', 'hold'])
  for (const [heading, { properties = {} }] of sections) {
    if (heading === 'fallback') continue
    for (const key of Object.keys(properties)) {
      if (heading.endsWith('.fault') && unfit.has(key)) continue
      assert.ok(
        examples.some((example) => new RegExp(`\\b${key}:`).test(example)),
        `${heading}: ${key}`,
      )
    }
  }
})

test('the example of an error is what is printed', () => {
  const wrong = blocks('yaml').find((block) => !examples.includes(block)) ?? ''
  const [printed = ''] = blocks('text')
  assert.equal(`${errorOf(wrong).message}\n`, printed)
})

test('the check’s rules are all listed, and no others', () => {
  const folder = new URL('../src/check/', import.meta.url)
  const sources = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), 'utf8'))
  const rules = sources.flatMap((source) =>
    [...source.matchAll(/id: '([^']+)',\s+severity: '([^']+)'/g)].map(([, id, severity]) => `${id} ${severity}`),
  )
  const listed = [...rows('What the check finds')].map(([id, [severity]]) => `${id} ${severity}`)
  assert.deepEqual(listed.toSorted(), rules.toSorted())
})

test('the presets are listed with their numbers', () => {
  const listed = rows('circuitBreaker')
  for (const [preset, options] of Object.entries(presets)) {
    const { consecutiveFailures, openFor = '30s' } = options()
    const [failures, open] = listed.get(preset) ?? []
    assert.deepEqual(
      [failures, open],
      [consecutiveFailures === undefined ? 'off' : String(consecutiveFailures), `\`${openFor}\``],
      preset,
    )
  }
})
