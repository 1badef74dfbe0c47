import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonSchema } from '../src/index.ts'

interface Node {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: boolean | Node
  readonly anyOf?: readonly Node[]
  readonly items?: Node
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly string[]
}

const schema = jsonSchema() as Node

/** Every mapping of the schema with its place. */
function mappings(node: Node, path: string): [string, Node][] {
  const inside = Object.entries(node.properties ?? {}).flatMap(([key, child]) => mappings(child, `${path}.${key}`))
  const items = node.items === undefined ? [] : mappings(node.items, `${path}[]`)
  const values = typeof node.additionalProperties === 'object' ? mappings(node.additionalProperties, `${path}.*`) : []
  const kinds = (node.anyOf ?? []).flatMap((option) => mappings(option, path))
  return [
    ...(node.properties === undefined ? [] : [[path, node] as [string, Node]]),
    ...inside,
    ...items,
    ...values,
    ...kinds,
  ]
}

test('the JSON Schema is one that editors take, and can be written to a file', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(jsonSchema())), jsonSchema())
  const { $schema, title } = jsonSchema()
  assert.equal($schema, 'https://json-schema.org/draft/2020-12/schema')
  assert.equal(title, 'switchgear.yaml')
  assert.notEqual(jsonSchema(), jsonSchema())
})

test('what has a default may be left out, and no mapping takes unknown keys', () => {
  const gateway = schema.properties?.['gateway'] as Node & { required: string[] }
  assert.deepEqual(gateway.required, ['routes'])
  const all = mappings(schema, '')
  assert.ok(all.length >= 60, `${all.length} mappings`)
  for (const [path, { additionalProperties }] of all) assert.equal(additionalProperties, false, path)
})

test('every key has a description for the editor', () => {
  const silent = mappings(schema, '').flatMap(([path, { properties }]) =>
    Object.entries(properties ?? {}).flatMap(([key, node]) =>
      node.description === undefined ? [`${path}.${key}`] : [],
    ),
  )
  assert.deepEqual(silent, [])
})

test('presets and policies are offered by name', () => {
  const text = JSON.stringify(schema)
  assert.ok(text.includes('["critical","nonCritical","flakyExternal","database","recommended"]'))
  const names = mappings(schema, '')
    .filter(([path]) => path === '.services.*.policies[]')
    .flatMap(([, node]) => Object.keys(node.properties ?? {}))
  const first = ['circuitBreaker', 'retry', 'timeout', 'bulkhead', 'rateLimit', 'adaptiveLimit', 'throttle', 'shed']
  assert.deepEqual(names, [...first, 'hedge', 'cache', 'coalesce', 'chaos', 'fallback'])
  assert.ok(text.includes('["dies","hangs","slows","fails","trickles"]'))
})
