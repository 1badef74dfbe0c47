// The one table of tests that do not run everywhere, each with its reason. Everything that is not here runs on every
// runtime, so a new test needs no entry; one that is about the repository or about one engine does.
import { globSync } from 'node:fs'
import type { RuntimeName, Selection } from './runtimes.ts'

/** Tests that are left out. */
export interface Exclusion {
  /** A file under packages/core/test, or what the titles of tests match in any file. */
  readonly tests: string | RegExp
  readonly on: 'every runtime' | readonly RuntimeName[]
  /** A sentence. */
  readonly reason: string
}

/** Where the tests of core are. */
export const folder = 'packages/core/test'

/** All of them. */
export const exclusions: readonly Exclusion[] = [
  {
    tests: 'bench.test.ts',
    on: 'every runtime',
    reason: 'It holds budgets of time and memory that are set for the pinned Node.',
  },
  {
    tests: 'size.test.ts',
    on: 'every runtime',
    reason: 'It weighs what esbuild writes, which is the same bytes everywhere.',
  },
  {
    tests: /an error (?!that passes no policy).* still shows the caller/,
    on: ['bun'],
    reason: 'JavaScriptCore follows a stack across await only, V8 also across the then() of which policies are made.',
  },
]

/** The exclusions that hold on one runtime. */
export function excludedOn(runtime: RuntimeName): readonly Exclusion[] {
  return exclusions.filter(({ on }) => on === 'every runtime' || on.includes(runtime))
}

/** What one runtime runs: the test files of core, relative to `root` and sorted, and a pattern of titles it leaves out. */
export function selectionFor(runtime: RuntimeName, root: string): Selection {
  const out = excludedOn(runtime).map(({ tests }) => tests)
  const files = globSync(`${folder}/**/*.test.ts`, { cwd: root })
  const titles = out.filter((tests) => tests instanceof RegExp).map(({ source }) => source)
  return {
    files: files.filter((file) => !out.includes(file.slice(folder.length + 1))).toSorted(),
    ...(titles.length === 0 ? {} : { not: titles.join('|') }),
  }
}
