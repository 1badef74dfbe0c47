// The runtimes and how each is told to run test files: where its binary lies, its words, its way to write a JUnit report.
// Versions are not here but in package.json beside this file.
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The repository. */
export const root: string = join(import.meta.dirname, '..')

/** What `--only` and the table of exclusions call them. */
export type RuntimeName = 'node22' | 'node24' | 'node26' | 'bun' | 'deno'

/** What a runtime is to run. */
export interface Selection {
  readonly files: readonly string[]
  /** Source of a regular expression: titles that match it are left out. */
  readonly not?: string
}

/** One JavaScript runtime. */
export interface Runtime {
  readonly name: RuntimeName
  /** The binary; undefined where the registry has none for this machine. */
  find(): string | undefined
  /** The words that run the selection and write a JUnit report to `report`. */
  words(selection: Selection, report: string): readonly string[]
  readonly env: Readonly<Record<string, string>>
}

const condition = '--conditions=@switchgear/source'
const testLimitMs = 120_000

/** In the order in which they run. */
export const runtimes: readonly Runtime[] = [
  // Node 22 knows no `using`, and what compiles a user's tests for it would lower that; see lowered.ts.
  node('node22', () => installed('node-22', 'bin/node'), [
    '--import=./runtimes/lowered.ts',
    '--experimental-test-isolation=none',
  ]),
  node('node24', () => installed('node-24', 'bin/node'), ['--test-isolation=none']),
  node('node26', () => present(join(root, 'node_modules/node/bin/node')), ['--test-isolation=none']),
  {
    name: 'bun',
    find: () => installed('bun', 'bin/bun'),
    words: ({ files, not }, report) => [
      'test',
      condition,
      ...(not === undefined ? [] : [`--test-name-pattern=^(?!.*(?:${not}))`]),
      `--timeout=${testLimitMs}`,
      '--only-failures',
      '--reporter=junit',
      `--reporter-outfile=${report}`,
      // Without the dot a word is a filter on names, not a file.
      ...files.map((file) => `./${file}`),
    ],
    env: { DO_NOT_TRACK: '1' },
  },
  {
    name: 'deno',
    find: () => installed('deno', 'deno'),
    words: ({ files, not }, report) => [
      'test',
      condition,
      ...(not === undefined ? [] : noTitlesInDeno()),
      '--allow-all',
      '--no-check',
      '--no-lock',
      '--no-remote',
      '--reporter=dot',
      `--junit-path=${report}`,
      ...files,
    ],
    env: { DENO_DIR: join(import.meta.dirname, 'node_modules/.deno'), DENO_NO_UPDATE_CHECK: '1' },
  },
]

/** One process runs all files, as on Bun and Deno: a third of the time. The test command has one for each file. */
function node(name: RuntimeName, find: () => string | undefined, more: readonly string[]): Runtime {
  const reporters = (report: string): string[] =>
    [
      ['dot', 'stdout'],
      ['junit', report],
    ].flatMap(([reporter, to]) => [`--test-reporter=${reporter}`, `--test-reporter-destination=${to}`])
  return {
    name,
    find,
    words: ({ files, not }, report) => [
      condition,
      ...more,
      '--test',
      ...(not === undefined ? [] : [`--test-skip-pattern=/${not}/`]),
      `--test-timeout=${testLimitMs}`,
      ...reporters(report),
      ...files,
    ],
    env: {},
  }
}

/** Its filter is a regular expression without look-ahead, so it can only say what to run. */
function noTitlesInDeno(): never {
  throw new Error('Deno leaves out no tests by title: exclude the file')
}

/** A binary of the package for this machine; all packages are aliased as `<key>-<platform>-<arch>`. */
function installed(key: string, file: string): string | undefined {
  return present(join(import.meta.dirname, 'node_modules', `${key}-${process.platform}-${process.arch}`, file))
}

function present(path: string): string | undefined {
  return existsSync(path) ? path : undefined
}
