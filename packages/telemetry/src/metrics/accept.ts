// Which text format a scraper gets, from its Accept header. OpenMetrics goes only to those who name it: browsers and old
// scrapers accept everything and understand the older one.
import type { TextFormat } from './text-format.ts'

interface MediaRange {
  readonly type: string
  readonly version: string | undefined
  readonly quality: number
}

/** Longest header that is looked at; beyond it the answer is 'text'. */
const longestAccept = 4096

/**
 * The format for an Accept header: 'openmetrics' when it is named, in a version we write, and preferred no less than text.
 *
 * @example
 * negotiateFormat('application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*\/*;q=0.1') // 'openmetrics'
 * negotiateFormat('*\/*') // 'text'
 */
export function negotiateFormat(accept: string | undefined): TextFormat {
  if (accept === undefined || accept.length > longestAccept) return 'text'
  const ranges = accept.split(',').map(mediaRange)
  const open = best(
    ranges,
    ({ type, version = '1.0.0' }) => type === 'application/openmetrics-text' && version === '1.0.0',
  )
  if (open === undefined || open === 0) return 'text'
  // Of the ranges that match text, the most specific one counts (RFC 9110, 12.5.1).
  const text =
    best(ranges, ({ type, version = '0.0.4' }) => type === 'text/plain' && version === '0.0.4') ??
    best(ranges, ({ type }) => type === 'text/*') ??
    best(ranges, ({ type }) => type === '*/*') ??
    0
  return open >= text ? 'openmetrics' : 'text'
}

function best(ranges: readonly MediaRange[], matches: (range: MediaRange) => boolean): number | undefined {
  const found = ranges.filter(matches).map(({ quality }) => quality)
  return found.length === 0 ? undefined : Math.max(...found)
}

function mediaRange(text: string): MediaRange {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  let version: string | undefined
  let quality = 1
  for (const parameter of parameters) {
    const [name, value = ''] = parameter.split('=').map((part) => part.trim())
    if (name === 'version') version = value.replaceAll('"', '')
    if (name === 'q') quality = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(value) ? Number(value) : 0
  }
  return { type, version, quality }
}
