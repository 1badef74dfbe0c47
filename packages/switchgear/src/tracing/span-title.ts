// What a span is called where there is only one of it. Its name stands for many, so it has no path in it that nobody has declared as a
// route; in one trace the path is what tells `GET` from `GET`.
import type { SpanData } from '@switchgear/telemetry'

/**
 * The name, with the path where it is a bare method.
 *
 * @example
 * spanTitle(span) // 'GET /checkout'
 */
export function spanTitle({ name, attributes }: Pick<SpanData, 'name' | 'attributes'>): string {
  if (!/^[A-Z]+$/.test(name)) return name
  const path = attributes['url.path'] ?? URL.parse(String(attributes['url.full'] ?? ''))?.pathname
  return path === undefined ? name : `${name} ${String(path)}`
}
