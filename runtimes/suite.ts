// The tests of core on one runtime: one process of it runs all files, and its JUnit report is counted. The report alone is
// not believed: a runtime that ends badly, or that ran nothing, has failed.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runToEnd } from './child.ts'
import { selectionFor } from './exclusions.ts'
import { countTests } from './junit.ts'
import { root, type Runtime } from './runtimes.ts'

/** What came of a runtime. */
export interface Outcome {
  readonly passed: number
  readonly failed: number
  /** Tests that skip themselves, or are left out by their title where the runtime tells of those. */
  readonly skipped: number
  readonly good: boolean
  /** What it printed: shown when it is not good. */
  readonly output: string
  readonly seconds: number
}

const limitMs = 480_000

/** Runs the tests with the binary at `path`; `scratch` is a directory for the report. */
export async function runSuite(runtime: Runtime, path: string, scratch: string): Promise<Outcome> {
  const report = join(scratch, `${runtime.name}.xml`)
  const ended = await runToEnd({
    command: path,
    words: runtime.words(selectionFor(runtime.name, root), report),
    cwd: root,
    env: { ...runtime.env, NO_COLOR: '1' },
    limitMs,
  })
  const count = countTests(existsSync(report) ? readFileSync(report, 'utf8') : '')
  const { passed, failed, skipped } = count
  const end = ended.broken ?? (ended.code === 0 ? undefined : `it ended with code ${ended.code}`)
  const output = [withoutDots(ended.stdout), ended.stderr, ...count.failures.map((name) => `failed: ${name}`), end]
  return {
    passed,
    failed,
    skipped,
    good: end === undefined && failed === 0 && passed > 0,
    output: output.filter((text) => text !== undefined).join('\n'),
    seconds: ended.seconds,
  }
}

/** Reporters that print a dot per test print it on a line of its own where there is no terminal. */
function withoutDots(text: string): string {
  return text.replaceAll(/^[.,]+\n/gm, '')
}

/** The version that a binary tells of itself; undefined when it does not run. */
export async function versionOf(path: string): Promise<string | undefined> {
  const { code, stdout } = await runToEnd({ command: path, words: ['--version'], cwd: root, limitMs: 30_000 })
  return code === 0 ? /\d+(?:\.\d+)+/.exec(stdout)?.[0] : undefined
}
