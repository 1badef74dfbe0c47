// Reads what is exposed as numbers by their labels.
import type { Metrics } from '../../src/index.ts'
import { parse } from '../metrics/text-parser.ts'

/** Of each name: label values, joined by commas in the order of their names, to number. Formats are read strictly. */
export async function samplesOf(metrics: Metrics): Promise<Record<string, Record<string, number>>> {
  parse(await metrics.text('openmetrics'), 'openmetrics')
  const found: Record<string, Record<string, number>> = {}
  for (const { samples } of parse(await metrics.text(), 'text').families.values()) {
    for (const { name, labels, value } of samples) {
      const own = (found[name] ??= {})
      own[Object.values(labels).join()] = value
    }
  }
  return found
}
