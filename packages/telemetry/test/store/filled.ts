// A trace by its number, the same in every process, of a size that fills a store soon.
import type { SpanData } from '../../src/trace/span-data.ts'
import { request } from './spans.ts'

export function filled(trace: number): SpanData[] {
  const filling = `${trace}-`.padEnd(400 + (trace % 7) * 100, 'x')
  return request(trace).map((span) => ({
    ...span,
    name: `${span.name} ${trace % 50}`,
    attributes: { ...span.attributes, filling },
  }))
}
