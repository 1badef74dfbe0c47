// The commands in this process, on a terminal that remembers: what they print, what they refuse, and their exit codes.
import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { standardPolicies } from '@switchgear/client'
import { loadConfig } from '@switchgear/config'
import { run } from '../src/index.ts'
import { policiesOf } from '../src/setting.ts'
import { configurations, type Configurations } from './configurations.ts'
import { recorder } from './recorder.ts'

let files: Configurations
let a: string
before(async () => {
  files = await configurations()
  a = join(files.folder, 'a.yaml')
})
after(() => files.remove())

async function said(...args: string[]): Promise<{ code: number; out: string; errors: string }> {
  const terminal = recorder()
  const code = await run(args, terminal)
  return { code, out: terminal.out.join('\n'), errors: terminal.errors.join('\n') }
}

test('a summary has the figures of both runs and a chart with the outage, within 80 columns', async () => {
  const { code, out, errors } = await said('simulate', a, '--scenario', 'payments-hangs')
  assert.deepEqual([code, errors], [0, ''])
  for (const text of ['payments-hangs', 'B without policies', 'goodput', 'time to detect', 'good/s', '┝━', '█']) {
    assert.ok(out.includes(text), text)
  }
  const [, ...rest] = out.split('\n')
  assert.ok(Math.max(...rest.map((line) => line.length)) <= 80)
})

test('--no-control plays one run, several scenarios are played one after the other', async () => {
  const names = ['payments-dies', 'payments-slows']
  const scenarios = names.flatMap((name) => ['--scenario', name])
  const { out } = await said('simulate', ...scenarios, '--no-control', '--duration', '25s', '--json', a)
  const { results } = JSON.parse(out) as { results: { scenario: string; durationMs: number }[] }
  assert.deepEqual(
    results.map(({ scenario }) => scenario),
    names,
  )
  assert.ok(results.every(({ durationMs }) => durationMs === 25_000))
})

test('a report can be one drawing, and one that cannot be written is told by name', async () => {
  const play = ['simulate', a, '--scenario', 'payments-dies', '--no-control', '--duration', '25s', '--report']
  const file = join(files.folder, 'dies.svg')
  assert.equal((await said(...play, file)).code, 0)
  assert.match(await readFile(file, 'utf8'), /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
})

test('a report that cannot be written is told before anything is played, with the option and the path', async () => {
  const folder = join(files.folder, 'taken.html')
  await mkdir(folder)
  const cases: [string, string][] = [
    [join(files.folder, 'nowhere', 'x.html'), `there is no folder ${join(files.folder, 'nowhere')}`],
    [join(a, 'x.html'), `${a} is no folder`],
    [folder, 'it is a folder'],
  ]
  for (const [file, why] of cases) {
    // Playing a fleet of this length would take longer than a test may.
    const { code, out, errors } = await said('simulate', a, '--scenario', 'fleet', '--duration', '1h', '--report', file)
    assert.deepEqual([code, out, errors], [2, '', `error: --report ${file}: ${why}`])
  }
})

test('a file that cannot be written for another reason is told with the code of the system', async () => {
  const file = join(files.folder, `${'x'.repeat(300)}.svg`)
  const { code, errors } = await said('simulate', a, '--scenario', 'payments-dies', '--report', file)
  assert.deepEqual([code, errors], [2, `error: --report ${file}: it cannot be written (ENAMETOOLONG)`])
})

test('a comparison says in whose world it is played, and what a file does not protect', async () => {
  const at = (name: string): string => join(files.folder, name)
  const compare = async (first: string, second: string, scenario: string, ...more: string[]): Promise<string> => {
    const names = ['--compare', first, second]
    const { code, out } = await said('simulate', ...names, '--scenario', scenario, '--duration', '25s', ...more)
    assert.equal(code, 0)
    return out
  }
  const [world, other] = [at('world.yaml'), at('other.yaml')]
  const theirs = await compare(a, world, 'evening')
  assert.ok(theirs.startsWith(`world: the simulation of ${world}, for both files\n`), theirs)
  assert.ok(theirs.includes(`\n${a} has no policies for ledger: played unprotected\n\nevening`), theirs)
  const ours = await compare(world, at('b.yaml'), 'payments-dies')
  assert.ok(ours.startsWith(`world: the simulation of ${world}, for both files\n`), ours)
  const report = at('notes.html')
  const json = await compare(a, other, 'orders-dies', '--json', '--report', report)
  const { notes } = JSON.parse(json) as { notes: string[] }
  assert.deepEqual(notes, [
    'world: an app that calls the services of both files',
    `${a} has no policies for orders: played unprotected`,
    `${other} has no policies for payments: played unprotected`,
  ])
  const html = await readFile(report, 'utf8')
  for (const note of notes) assert.ok(html.includes(note), note)
  // Two worlds: the second is left aside, and that is said.
  const two = await compare(world, at('world2.yaml'), 'evening')
  assert.match(
    two,
    /^world: the simulation of \S+world\.yaml, for both files; that of \S+world2\.yaml is not played\n\n/,
  )
  assert.doesNotMatch((await said('simulate', a, '--scenario', 'payments-dies', '--duration', '5s')).out, /^world:/)
})

test('--list has the scenarios of the services of the file, each with a title', async () => {
  const { out } = await said('simulate', a, '--list')
  for (const name of ['payments-dies', 'payments-slows', 'overload'])
    assert.match(out, new RegExp(`^${name} +\\S`, 'm'))
  const json = JSON.parse((await said('simulate', a, '--list', '--json')).out) as { scenarios: { title: string }[] }
  assert.ok(json.scenarios.length > 5 && json.scenarios.every(({ title }) => title !== ''))
})

test('--all leaves the huge scenarios out and says so', async () => {
  const { code, out, errors } = await said('simulate', a, '--all', '--no-control', '--duration', '5s')
  assert.equal(code, 0)
  assert.equal(errors, 'left out of --all, it takes minutes: --scenario fleet')
  for (const name of ['payments-dies', 'retry-storm', 'arithmetic']) assert.match(out, new RegExp(`^${name} `, 'm'))
  assert.doesNotMatch(out, /fleet/)
})

test('what is mistyped is a usage error that names what was meant', async () => {
  const cases: [string[], RegExp][] = [
    [['simulate', a, '--scenario', 'zzz'], /there is no scenario 'zzz'\n--list lists all/],
    [['simulate', a, '--scenario', 'payment-hang'], /did you mean payments-hangs/],
    [['simulate', a], /say what to play: --scenario <name> or --all/],
    [['simulate', a, '--scenario', 'payments-dies', '--seed', '-1'], /whole number/],
    [['simulate', a, '--scenario', 'payments-dies', '--duration', 'long'], /such as '90s'/],
    [['simulate', a, '--scenario', 'payments-dies', '--report', 'x.pdf'], /\.html or \.svg/],
    [['simulate', '--compare', a, '--scenario', 'payments-dies'], /takes two files, got 1/],
    [['simulate', a, '--scenari', 'x'], /unknown option '--scenari'/],
    [['simulat'], /unknown command 'simulat'\n\(Did you mean simulate\?\)/],
    [['tune', a], /say what to reach/],
    [['tune', a, '--goal', 'goodputt >= 1'], /did you mean goodput\?/],
    [
      ['tune', a, '--goal', 'goodput >= 1', '--service', 'payment'],
      /has no service 'payment'; did you mean payments\?/,
    ],
    [['tune', a, '--goal', 'goodput >= 1 in overload'], /a goal asks for overload, which is not played/],
    [['tune', a, '--goal', 'goodput >= 1', '--budget', '0'], /whole number in \[1, 1000000\]/],
    [['explain', 'SG_CIRCUIT_OPN'], /did you mean SG_CIRCUIT_OPEN\?/],
  ]
  for (const [args, message] of cases) {
    const { code, out, errors } = await said(...args)
    assert.deepEqual([code, out], [2, ''], args.join(' '))
    assert.match(errors, message, args.join(' '))
    assert.doesNotMatch(errors, /^\s+at /m)
  }
})

test('a file that is not there is told by name', async () => {
  const { code, errors } = await said('simulate', join(files.folder, 'none.yaml'), '--scenario', 'payments-dies')
  assert.equal(code, 1)
  assert.match(errors, /none\.yaml: no such file/)
})

test('a service without policies has the standard stack, and its fallback in front', async () => {
  const policies = policiesOf(await loadConfig(join(files.folder, 'standard.yaml')))
  assert.deepEqual(policies.payments?.policies, [
    { fallback: { value: 'later', name: undefined } },
    ...standardPolicies,
  ])
  const failing = { services: { payments: { endpoints: [], fallback: { status: 503, body: 'later' } } } }
  assert.deepEqual(policiesOf(failing).payments?.policies, standardPolicies)
  // A service that discovery finds has no endpoints, and its hedge stands around all else.
  const hedged = { services: { payments: { hedge: { delay: 50 }, fallback: { body: 'later' } } } }
  assert.deepEqual(
    policiesOf(hedged).payments?.policies.map((policy) => Object.keys(policy)[0]),
    ['fallback', 'hedge', ...standardPolicies.map((policy) => Object.keys(policy)[0])],
  )
  const tried = { ...hedged, simulation: { services: {}, load: [], policies: { payments: [{ hedge: {} }] } } }
  assert.deepEqual(policiesOf(tried).payments?.policies.at(-1), { hedge: {} })
  assert.equal(policiesOf(tried).payments?.policies.length, 2)
})

test('the simulation of a file brings its world, its policies to try, and what they share', async () => {
  const world = join(files.folder, 'world.yaml')
  const { code, out, errors } = await said('simulate', world, '--scenario', 'evening', '--no-control', '--json')
  assert.deepEqual([code, errors], [0, ''])
  const { results } = JSON.parse(out) as {
    results: { title: string; breakers: { to: string }[]; services: { name: string }[] }[]
  }
  const [result] = results
  assert.equal(result?.title, 'A busy evening')
  assert.deepEqual(
    result?.services.map(({ name }) => name),
    ['door', 'payments', 'ledger'],
  )
  // The ledger is only simulated; payments' own policies have no breaker, those of the simulation do.
  assert.deepEqual(
    result?.breakers.map(({ to }) => to),
    ['payments', 'ledger'],
  )
})

test('check finds what is unwise and fails on an error', async () => {
  const unwise = join(files.folder, 'unwise.yaml')
  assert.deepEqual(await said('check', a), { code: 0, out: `${a}: nothing found`, errors: '' })
  const { code, out } = await said('check', unwise)
  assert.equal(code, 1)
  assert.match(out, /^error {4}services\.payments\.policies {2}no-timeout\n {9}payments has no timeout/m)
  const found = JSON.parse((await said('check', unwise, '--json')).out) as {
    findings: { id: string }[]
    problems: unknown[]
  }
  assert.deepEqual([found.problems.length, found.findings[0]?.id], [0, 'no-timeout'])
  const bad = await said('check', join(files.folder, 'bad.yaml'), '--json')
  const { problems } = JSON.parse(bad.out) as { problems: { line: number; column: number }[] }
  assert.deepEqual([bad.code, problems[0]?.line, problems[0]?.column], [1, 5, 18])
})

test('explain prints one entry, or the table of all', async () => {
  const one = await said('explain', 'SG_CIRCUIT_OPEN')
  assert.match(one.out, /^SG_CIRCUIT_OPEN\n\S/)
  assert.deepEqual(await said('explain', 'circuit_open'), one)
  assert.match((await said('explain')).out, /^SG_TIMEOUT +\S/m)
  assert.match((await said('explain', 'SG_CONFIG')).out, /The configuration is wrong/)
  const codes = [...(await said('explain')).out.matchAll(/^SG_[A-Z_]+/gm)].map(([code]) => code)
  assert.equal(new Set(codes).size, codes.length)
  // One of each table of what finds endpoints, keeps books of them and calls them.
  for (const code of [
    'SOURCE_FAILED',
    'DNS_FAILED',
    'CONSUL_FAILED',
    'KUBERNETES_OUTSIDE',
    'BOOKS_LOCKED',
    'TOKEN_FILE',
  ])
    assert.ok(codes.includes(`SG_${code}`), code)
  for (const code of ['SG_NO_ENDPOINT', 'SG_CLIENT_LEFT']) assert.ok(codes.includes(code), code)
})

test('help and version are no mistakes, nothing at all is one', async () => {
  const help = await said('--help')
  assert.equal(help.code, 0)
  for (const name of ['simulate', 'tune', 'check', 'registry', 'endpoints', 'explain'])
    assert.match(help.out, new RegExp(`^ {2}${name}`, 'm'))
  assert.match((await said('simulate', '--help')).out, /--scenario <name>/)
  const budget = (await said('tune', '--help')).out.replaceAll(/\s+/g, ' ')
  assert.match(budget, /6 to 12 plays for each scenario come on top/)
  assert.match((await said('--version')).out, /^\d+\.\d+\.\d+$/)
  assert.equal((await said()).code, 2)
})

test('tune prints policies that reach the goal, or says that none was found', async () => {
  const tune = ['tune', a, '--scenario', 'payments-hangs', '--budget', '4']
  const reached = await said(...tune, '--max-p99', '400ms', '--json')
  const outcome = JSON.parse(reached.out) as {
    reached: boolean
    plays: { search: number }
    goals: { holds: boolean }[]
  }
  assert.deepEqual([reached.code, outcome.reached, outcome.goals[0]?.holds], [0, true, true])
  assert.ok(outcome.plays.search <= 4)
  const again = await said(...tune, '--max-p99', '400ms', '--json')
  assert.equal(again.out, reached.out)
  const missed = await said(...tune, '--goal', 'goodput during >= 99%')
  assert.equal(missed.code, 1)
  assert.match(missed.out, /^No setting that was tried reaches the goal/)
  assert.match(missed.out, /goodput during >= 99% +missed/)
  assert.match(missed.out, /services:\n {2}payments:\n {4}policies:/)
})
