// The report: one file that needs nothing else, neither a script nor the network. A page for people and design reviews, or
// a single drawing for documents. Both show the same charts.
import type { SimulationResult } from '@switchgear/simulator'
import { difference, type Figure, figures, improves, shown, verdict } from '../figures.ts'
import { count, duration } from '../quantity.ts'
import { frame } from './chart.ts'
import { drawings, gap } from './drawings.ts'
import { escaped, label } from './markup.ts'
import { drawingStyle, pageStyle } from './style.ts'

/** Results of one scenario; the first is the one asked about. */
export type Played = readonly SimulationResult[]

/**
 * The page of one or several scenarios. `compared` adds the difference between the first two results;
 * `notes` are what must be known to read it.
 *
 * @example
 * await writeFile('report.html', page([[result, control]]))
 */
export function page(scenarios: readonly Played[], compared: boolean = false, notes: readonly string[] = []): string {
  const [only] = scenarios
  const title = scenarios.length === 1 ? (only?.[0]?.scenario ?? '') : `${scenarios.length} scenarios`
  const head = `<meta charset="utf-8"/><meta name="viewport" content="width=device-width,initial-scale=1"/><title>${escaped(title)} · Switchgear</title><style>${drawingStyle}\n${pageStyle}</style>`
  const several = scenarios.length > 1
  const body = [
    ...(several ? [`<h1>${escaped(title)}</h1>`, contents(scenarios)] : []),
    ...scenarios.map((played, index) => section(played, compared, several ? `s${index + 1}` : undefined)),
    ...notes.map((note) => `<p class="facts">${escaped(note)}</p>`),
    '<footer>Played by Switchgear on a virtual clock: the real policies against simulated services. The same seed gives the same result.</footer>',
  ]
  return `<!doctype html>\n<html lang="en"><head>${head}</head><body><main>\n${body.join('\n')}\n</main></body></html>\n`
}

/**
 * The charts alone, as one SVG file.
 *
 * @example
 * await writeFile('report.svg', sheet([[result, control]]))
 */
export function sheet(scenarios: readonly Played[]): string {
  const margin = 20
  let y = margin
  const parts: string[] = []
  for (const played of scenarios) {
    const [first] = played
    if (first === undefined) continue
    parts.push(label(margin, y + 14, `${first.scenario}: ${first.title}`, 'title'))
    parts.push(...played.map((result, index) => keyOf(result.label, index, margin + index * 260, y + 34)))
    y += 56
    const start = y
    const drawn = drawings(
      played,
      (above, height) => ` x="${margin}" y="${start + above}" width="${frame.width}" height="${height}"`,
    )
    for (const { svg, height } of drawn) {
      parts.push(svg)
      y += height + gap
    }
    y += margin
  }
  const [width, height] = [frame.width + 2 * margin, y + margin]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"><style>${drawingStyle}</style><rect width="${width}" height="${height}" class="sheet"/>\n${parts.join('\n')}\n</svg>\n`
}

function section(played: Played, compared: boolean, anchor: string | undefined): string {
  const [first] = played
  if (first === undefined) return ''
  const heading =
    anchor === undefined ? `<h1>${escaped(first.scenario)}</h1>` : `<h2 id="${anchor}">${escaped(first.scenario)}</h2>`
  const wrong = first.outages.map(({ fromMs, toMs, what }) => `${what} from ${duration(fromMs)} to ${duration(toMs)}`)
  // A service that flaps is not told interval by interval.
  const told = wrong.length > 4 ? [...wrong.slice(0, 3), `${wrong.length - 3} more times`] : wrong
  const facts = [
    ...told,
    `${count(first.totals.offered)} requests in ${duration(first.durationMs)} of virtual time`,
    `seed ${first.seed}`,
  ]
  return [
    heading,
    `<p class="lead">${escaped(first.title)}</p>`,
    `<p>${escaped(verdict(played))}</p>`,
    `<p class="facts">${escaped(facts.join(' · '))}</p>`,
    tiles(played),
    played.length > 1 ? `<p class="key">${played.map(({ label }, index) => keyHtml(label, index)).join('')}</p>` : '',
    ...drawings(played).map(({ svg }) => `<div class="card">${svg}</div>`),
    '<h3>Totals</h3>',
    totals(played, compared),
  ].join('\n')
}

/** The figures that are read first, of those that the result has. */
const tileNames = [
  'goodput during the outage',
  'latency p99',
  'in flight at most',
  'time to detect',
  'time to recover',
  'goodput',
]
const mostTiles = 5

function tiles(played: Played): string {
  const [first, other] = played
  if (first === undefined) return ''
  const chosen = tileNames
    .flatMap((name) => figures.find((figure) => figure.name === name) ?? [])
    .filter((figure) => shown(figure, first) !== '-')
  const tile = (figure: Figure): string => {
    const beside =
      other === undefined ? '' : `<div class="beside">${escaped(`${other.label}: ${shown(figure, other)}`)}</div>`
    return `<div class="tile"><div class="name">${figure.name}</div><div class="value">${escaped(shown(figure, first))}</div>${beside}</div>`
  }
  return `<div class="tiles">${chosen.slice(0, mostTiles).map(tile).join('')}</div>`
}

function totals(played: Played, compared: boolean): string {
  const [first, other] = played
  const rows = figures.map((figure) => {
    const cells = played.map((result) => `<td>${escaped(shown(figure, result))}</td>`)
    if (compared && first !== undefined && other !== undefined) {
      const better = improves(figure, first, other)
      const tone = better === undefined ? '' : ` class="${better ? 'better' : 'worse'}"`
      cells.push(`<td${tone}>${escaped(difference(figure, first, other))}</td>`)
    }
    const part = figure.part === undefined ? '' : ' class="part"'
    return `<tr><th scope="row"${part}>${escaped(figure.part ?? figure.name)}</th>${cells.join('')}</tr>`
  })
  return tableOf(['', ...played.map(({ label }) => label), ...(compared ? ['difference'] : [])], rows)
}

/** The table in front of several scenarios, with links to them. */
function contents(scenarios: readonly Played[]): string {
  const columns = figures.filter(({ column }) => column !== undefined)
  const rows = scenarios.flatMap((played, index) =>
    played.map((result, run) => {
      const name = run === 0 ? `<a href="#s${index + 1}">${escaped(result.scenario)}</a>` : ''
      const cells = columns.map((figure) => `<td>${escaped(shown(figure, result))}</td>`)
      return `<tr><td>${name}</td><td>${escaped(result.label)}</td>${cells.join('')}</tr>`
    }),
  )
  return tableOf(['scenario', 'played with', ...columns.map(({ column = '' }) => column)], rows)
}

function tableOf(head: readonly string[], rows: readonly string[]): string {
  const cells = head.map((text) => `<th>${escaped(text)}</th>`)
  return `<table><thead><tr>${cells.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table>`
}

function keyHtml(text: string, index: number): string {
  return `<span><svg width="30" height="10" aria-hidden="true"><path d="M1 5H29" class="run tone${index % 4}"/></svg>${escaped(text)}</span>`
}

function keyOf(text: string, index: number, x: number, y: number): string {
  return `<path d="M${x} ${y - 4}h28" class="run tone${index % 4}"/>${label(x + 36, y, text, 'soft')}`
}
