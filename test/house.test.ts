// The shape of the repository, as a test: who may import whom (the floors of the house), and that core depends on nothing.
// Import circles are the lint's (`import/no-cycle`); between packages they cannot exist where the floors hold.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')

/** From the ground up; a package imports only from floors below its own. */
const floors = [
  ['core'],
  ['simulator', 'telemetry', 'discovery'],
  ['client', 'events'],
  ['proxy'],
  ['gateway', 'mesh'],
  ['config'],
  ['control'],
  ['console'],
  ['switchgear'],
]
const floorOf = new Map(floors.flatMap((names, floor) => names.map((name) => [name, floor] as const)))
const packages = readdirSync(join(root, 'packages'))

/** Names of our own packages that the sources or tests of `name` import. */
function importsOf(name: string, folder: 'src' | 'test'): { file: string; imported: string }[] {
  const base = join(root, 'packages', name, folder)
  const files = readdirSync(base, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  return files.flatMap((file) => {
    const text = readFileSync(join(base, file), 'utf8')
    const specifiers = [...text.matchAll(/(?:from|import\()\s*'((?:@switchgear\/|switchgear)[^']*)'/g)]
    return specifiers.map(([, specifier = '']) => ({
      file: `${name}/${folder}/${file}`,
      imported: specifier.replace('@switchgear/', '').split('/')[0] ?? '',
    }))
  })
}

test('every package stands on a floor of the house', () => {
  for (const name of packages) assert.ok(floorOf.has(name), `packages/${name} is on no floor`)
})

for (const name of packages) {
  test(`${name} imports only from floors below its own, tests included`, () => {
    const own = floorOf.get(name) ?? -1
    for (const folder of ['src', 'test'] as const) {
      for (const { file, imported } of importsOf(name, folder)) {
        const floor = floorOf.get(imported)
        assert.ok(floor !== undefined, `${file} imports ${imported}, which is not in the house`)
        assert.ok(floor < own || imported === name, `${file} imports ${imported}, which is not below ${name}`)
      }
    }
  })

  test(`${name} declares exactly the packages that its sources import`, () => {
    const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>
    }
    const declared = Object.keys(manifest.dependencies ?? {}).filter((key) => key.startsWith('@switchgear/'))
    const imported = new Set(importsOf(name, 'src').map((one) => `@switchgear/${one.imported}`))
    imported.delete(`@switchgear/${name}`)
    assert.deepEqual(declared.toSorted(), [...imported].toSorted())
  })
}

test('core depends on nothing', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'packages/core/package.json'), 'utf8')) as object
  assert.equal('dependencies' in manifest, false)
})

test('the lint bans time, chance, timers and the host from the sources of core', () => {
  const lint = JSON.parse(readFileSync(join(root, '.oxlintrc.json'), 'utf8')) as {
    overrides: { files: string[]; rules: Record<string, unknown> }[]
  }
  const core = lint.overrides.find(({ files }) => files.includes('packages/core/src/**/*.ts'))
  const globals = core?.rules['no-restricted-globals'] as string[]
  for (const name of ['Date', 'performance', 'setTimeout']) assert.ok(globals.includes(name), name)
  const imports = core?.rules['no-restricted-imports'] as [string, { patterns: string[] }]
  assert.deepEqual(imports[1].patterns, ['node:*'])
  const properties = core?.rules['no-restricted-properties'] as [string, { object: string; property: string }]
  assert.deepEqual(properties[1], { object: 'Math', property: 'random' })
})
