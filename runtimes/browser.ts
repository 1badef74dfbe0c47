// Core in a real browser: Chromium loads the page, plays the scenario and prints the DOM, which is compared with what must
// have happened. Every step of the scenario counts as a test; so does the list of exports and the absence of page errors.
import { join } from 'node:path'
import * as core from '@switchgear/core'
import { runToEnd } from './child.ts'
import { servePage } from './page.ts'
import { root } from './runtimes.ts'
import { expected, type Story } from './scenario.ts'
import type { Outcome } from './suite.ts'

const limitMs = 60_000

/** Plays the scenario in the Chromium at `path`; `scratch` is an empty directory that the caller removes. */
export async function playInChromium(path: string, scratch: string): Promise<Outcome> {
  const page = await servePage()
  try {
    const ended = await runToEnd({
      command: path,
      words: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        `--user-data-dir=${join(scratch, 'chromium')}`,
        '--dump-dom',
        page.url,
      ],
      cwd: root,
      limitMs,
    })
    const problems = judge(ended.stdout)
    const checks = Object.keys(expected).length + 2
    const failed = Math.min(problems.length, checks)
    const good = ended.code === 0 && failed === 0
    const output = [ended.broken, ...problems, ended.stdout, ended.stderr]
      .filter((text) => text !== undefined)
      .join('\n')
    return { passed: checks - failed, failed, skipped: 0, good, output, seconds: ended.seconds }
  } finally {
    await page.close()
  }
}

/** What is wrong with the DOM that a browser printed; nothing when all happened as expected. */
export function judge(dom: string): readonly string[] {
  const errors = textOf(dom, 'errors')
  const problems = errors === '' ? [] : [`the page has errors: ${errors}`]
  const said = textOf(dom, 'said')
  if (said === '') return [...problems, 'the page said nothing']
  const { exports, story } = JSON.parse(said) as { exports: readonly string[]; story: Story }
  const here = Object.keys(core)
  if (exports.toSorted().join() !== here.toSorted().join()) problems.push(`the bundle exports ${exports.join(', ')}`)
  for (const [step, told] of Object.entries(expected)) {
    if (story[step] !== told) problems.push(`${step}: '${told}' was expected, got '${story[step]}'`)
  }
  return problems
}

/** The text of an element, as a browser serialises it. */
function textOf(dom: string, id: string): string {
  const text = new RegExp(`<pre id="${id}">([^<]*)</pre>`).exec(dom)?.[1] ?? ''
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&nbsp;', ' ').replaceAll('&amp;', '&').trim()
}
