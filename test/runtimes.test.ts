// The parts of `npm run test:runtimes` that need no other runtime: the reading of reports, the table of exclusions, the
// verdict, and the scenario that Chromium plays.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { judge } from '../runtimes/browser.ts'
import { runToEnd } from '../runtimes/child.ts'
import { exclusions, folder, selectionFor } from '../runtimes/exclusions.ts'
import { countTests } from '../runtimes/junit.ts'
import { closing, exclusionLines, heading, line, type Row } from '../runtimes/report.ts'
import { root, runtimes } from '../runtimes/runtimes.ts'
import { expected, play } from '../runtimes/scenario.ts'

test('a report of any runner is counted by its leaves', () => {
  const xml = `<?xml version="1.0"?><testsuites><testsuite name="a" tests="9" failures="9">
    <testcase name="passes" time="0.1"/>
    <testcase name="passes, with a > b in its title" classname="x">\n</testcase>
    <testcase name="skips itself"><skipped type="skipped" message="true"/></testcase>
    <testcase name="&lt;fails&gt; &quot;twice&quot; &amp; more" failure="a > b"><failure message="m">at &lt;anonymous></failure></testcase>
    <testsuite name="inner"><testcase name="breaks" line="1"><error message="m"/></testcase></testsuite>
  </testsuite></testsuites>`
  assert.deepEqual(countTests(xml), {
    passed: 2,
    failed: 2,
    skipped: 1,
    failures: ['<fails> "twice" & more', 'breaks'],
  })
  for (const nothing of ['', '<testsuites tests="5"/>', 'no xml']) {
    assert.deepEqual(countTests(nothing), { passed: 0, failed: 0, skipped: 0, failures: [] })
  }
})

test('every exclusion has a sentence for a reason and excludes something that exists', () => {
  const files = new Set(selectionFor('node26', root).files)
  const texts = [...files].map((file) => readFileSync(join(root, file), 'utf8')).join('\n')
  for (const { tests, reason } of exclusions) {
    assert.match(reason, /^[A-Z].{20,}\.$/)
    if (typeof tests === 'string') assert.ok(existsSync(join(root, folder, tests)), `${tests} does not exist`)
    else assert.match(texts, tests, `no title matches ${tests.source}`)
  }
  assert.equal(exclusionLines().length, exclusions.length)
})

test('a runtime gets every test file that is not excluded, and no other', () => {
  const { files, not } = selectionFor('node26', root)
  assert.ok(files.length > 20 && files.every((file) => existsSync(join(root, file))))
  assert.ok(files.includes(`${folder}/breaker/window.test.ts`) && !files.includes(`${folder}/size.test.ts`))
  assert.equal(not, undefined)
  assert.match(
    'an error that passes a breaker still shows the caller',
    new RegExp(selectionFor('bun', root).not ?? '^$'),
  )
})

test('every runtime is told the condition, the report and its files', () => {
  for (const runtime of runtimes) {
    const files = ['a.test.ts']
    const words = runtime.words({ files }, '/report.xml')
    assert.ok(words.includes('--conditions=@switchgear/source'), runtime.name)
    assert.ok(words.some((word) => word.endsWith('=/report.xml')))
    assert.match(words.at(-1) ?? '', /^(\.\/)?a\.test\.ts$/)
    const filtered = (): boolean => runtime.words({ files, not: 'slow' }, '').some((word) => word.includes('slow'))
    if (runtime.name === 'deno') assert.throws(filtered, /Deno leaves out no tests by title/)
    else assert.ok(filtered())
  }
})

test('every package that brings a runtime is pinned exactly', () => {
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'runtimes/package.json'), 'utf8')) as {
    optionalDependencies: Record<string, string>
  }
  for (const [name, version] of Object.entries(optionalDependencies)) {
    assert.match(version, /^npm:@?[a-z0-9/-]+@\d+\.\d+\.\d+$/, name)
  }
})

const row: Row = {
  name: 'bun',
  version: '1.0.0',
  passed: 10,
  failed: 0,
  skipped: 0,
  excluded: 2,
  seconds: 1.25,
  verdict: 'passed',
}
const failed: Row = { ...row, failed: 1, verdict: 'failed' }
const missing: Row = { ...row, passed: 0, verdict: 'missing', why: 'there is none here' }

test('lines are aligned with the heading, and what is not good says so', () => {
  assert.equal(line(row).length, heading.length)
  assert.match(line(failed), / FAILED$/)
  assert.equal(line(missing), 'bun       MISSING: there is none here')
})

test('all is good when something ran and nothing failed; in CI nothing may be missing', () => {
  const verdict = (rows: readonly Row[], strict: boolean): boolean => closing(rows, strict).good
  assert.deepEqual(
    [
      verdict([row], true),
      verdict([row, failed], false),
      verdict([row, missing], false),
      verdict([row, missing], true),
    ],
    [true, false, true, false],
  )
  assert.deepEqual([verdict([missing], false), verdict([], false)], [false, false])
  assert.match(
    closing([row, failed, missing], true).text,
    /^failed on bun\n.*missing: bun\n.*CI is set\n20 passed, 1 failed$/,
  )
})

test('the scenario that Chromium plays happens on Node as written', async () => {
  assert.deepEqual(await play(), expected)
})

test('a page is judged by what it said, what it exports and its errors', async () => {
  const core = Object.keys(await import('@switchgear/core'))
  const page = (said: unknown, errors: string = ''): string =>
    `<html><pre id="said">${JSON.stringify(said)}\n</pre><pre id="errors">${errors}</pre></html>`
  assert.deepEqual(judge(page({ exports: core, story: expected })), [])
  assert.deepEqual(judge('<html></html>'), ['the page said nothing'])
  assert.deepEqual(judge(page({ exports: core, story: expected }, 'a &lt; b')), ['the page has errors: a < b'])
  assert.match(judge(page({ exports: core.slice(1), story: expected })).join(), /^the bundle exports/)
  assert.equal(judge(page({ exports: core, story: {} })).length, Object.keys(expected).length)
})

test('a process that does not end is killed with what it started, and one that is not there is told', async () => {
  const code = `require('node:child_process').spawn('sleep', ['60'], { stdio: 'inherit' }); setInterval(() => {}, 1000)`
  const errand = { command: process.execPath, words: ['-e', code], cwd: root }
  // Both share our pipe, so that the end is only seen when both are gone.
  const hanging = await runToEnd({ ...errand, limitMs: 1500 })
  assert.deepEqual([hanging.code, hanging.broken], [undefined, 'did not end within 1.5 s'])
  assert.ok(hanging.seconds < 30)
  const nothing = await runToEnd({ ...errand, command: join(root, 'no-such-file'), limitMs: 1000 })
  assert.match(nothing.broken ?? '', /^cannot be started: .*ENOENT/)
  const said = await runToEnd({ ...errand, words: ['-p', '6 * 7'], limitMs: 20_000 })
  assert.deepEqual([said.code, said.stdout, said.broken], [0, '42\n', undefined])
})
