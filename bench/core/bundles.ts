// What a bundler makes of the packages: minified by esbuild as one ES module for today's engines, gzip level 9. Sizes are
// exact and the same on every machine, so their budgets hold without slack.
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/** One bundle: what a user would import. */
export interface BundleSpec {
  readonly title: string
  readonly label: string
  /** Source of the entry module. */
  readonly source: string
  /** The most it may weigh, in bytes of gzip. */
  readonly budget?: number
  /** Where the budget is missed: what the tests hold until it is met. */
  readonly ceiling?: number
}

/** The weight of a bundle. `files` tells what each source file adds to the minified code, heaviest first. */
export interface Bundle {
  readonly gzip: number
  readonly minified: number
  readonly files: readonly { readonly file: string; readonly bytes: number }[]
  /** Modules that the bundle leaves to the host. */
  readonly external: readonly string[]
}

const KiB = 1024
const breaker = 'gzip of the bundle: breaker with pipeline'
const everything = 'gzip of the bundle: everything'

/** All bundles of the report. Node's own modules, which opossum needs, are left out and weigh nothing here. */
export const bundles: readonly BundleSpec[] = [
  {
    title: breaker,
    label: 'switchgear circuitBreaker, pipeline',
    source: `export { circuitBreaker, pipeline } from '@switchgear/core'`,
    budget: Math.floor(2.7 * KiB),
    ceiling: 11.6 * KiB,
  },
  {
    title: breaker,
    label: 'cockatiel circuitBreaker, ConsecutiveBreaker, handleAll',
    source: `export { circuitBreaker, ConsecutiveBreaker, handleAll } from 'cockatiel'`,
  },
  { title: breaker, label: 'opossum', source: `export { default } from 'opossum'` },
  {
    title: breaker,
    label: 'mollitia Circuit, SlidingCountBreaker',
    source: `export { Circuit, SlidingCountBreaker } from 'mollitia'`,
  },
  {
    title: everything,
    label: 'switchgear, everything',
    source: `export * from '@switchgear/core'`,
    budget: 16 * KiB,
    ceiling: 29.1 * KiB,
  },
  { title: everything, label: 'cockatiel, everything', source: `export * from 'cockatiel'` },
  { title: everything, label: 'mollitia, everything', source: `export * from 'mollitia'` },
]

const root = join(import.meta.dirname, '..', '..')

/** Bundles and weighs `source`. */
export async function weigh(source: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir: root, loader: 'js' },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: 'esnext',
    platform: 'node',
    conditions: ['@switchgear/source'],
    logLevel: 'silent',
  })
  const [code] = outputFiles
  if (code === undefined) throw new Error('esbuild wrote no bundle')
  const { inputs = {}, imports = [] } = Object.values(metafile.outputs)[0] ?? {}
  const files = Object.entries(inputs).map(([file, { bytesInOutput }]) => ({ file, bytes: bytesInOutput }))
  return {
    gzip: gzipSync(code.contents, { level: 9 }).length,
    minified: code.contents.length,
    external: imports.map(({ path }) => path),
    files: files.filter(({ bytes }) => bytes > 0).toSorted((a, b) => b.bytes - a.bytes),
  }
}
