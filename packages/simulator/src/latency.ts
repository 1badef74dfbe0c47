// How long things take: from the words of the model to numbers that are drawn. A sampler keeps nothing between two draws
// but the second half of a pair of normal numbers.
import { type Duration, parseDuration, type Random } from '@switchgear/core'
import { exponential } from './chance.ts'
import { check, checkKeys } from './check.ts'
import type { Latency } from './model.ts'

/** A checked latency, in milliseconds. */
export interface Distribution {
  readonly meanMs: number
  /** One draw. */
  sample(random: Random): number
}

/** The 99th percentile of the standard normal distribution. */
const z99 = 2.326347874040841

/**
 * Compiles a latency. Throws `SG_BAD_OPTIONS` that names `path`.
 *
 * @example
 * distributionOf({ median: '20ms', p99: '100ms' }, 'latency').sample(random)
 */
export function distributionOf(latency: Latency, path: string): Distribution {
  if (typeof latency !== 'object') return constant(parseDuration(latency, path))
  checkKeys(latency, ['median', 'p99', 'min', 'max', 'mean'], path)
  const kind = Object.keys(latency).toSorted().join('+')
  const kinds = 'a duration, { median, p99 }, { min, max } or { mean }'
  check(kind === 'median+p99' || kind === 'max+min' || kind === 'mean', path, kinds, latency)
  if ('median' in latency) return logNormal(latency.median, latency.p99, path)
  if ('min' in latency) return uniform(latency.min, latency.max, path)
  const meanMs = parseDuration(latency.mean, `${path}.mean`)
  return { meanMs, sample: (random) => meanMs * exponential(random) }
}

function constant(ms: number): Distribution {
  return { meanMs: ms, sample: () => ms }
}

function uniform(min: Duration, max: Duration, path: string): Distribution {
  const minMs = parseDuration(min, `${path}.min`)
  const maxMs = parseDuration(max, `${path}.max`)
  check(maxMs >= minMs, `${path}.max`, `at least min (${minMs} ms)`, max)
  return { meanMs: (minMs + maxMs) / 2, sample: (random) => minMs + (maxMs - minMs) * random() }
}

function logNormal(median: Duration, p99: Duration, path: string): Distribution {
  const medianMs = parseDuration(median, `${path}.median`)
  const p99Ms = parseDuration(p99, `${path}.p99`)
  check(medianMs > 0, `${path}.median`, 'above 0', median)
  check(p99Ms >= medianMs, `${path}.p99`, `at least the median (${medianMs} ms)`, p99)
  const sigma = Math.log(p99Ms / medianMs) / z99
  let spare: number | undefined
  // Box and Muller: two uniform numbers give two normal ones.
  const normal = (random: Random): number => {
    if (spare !== undefined) {
      const second = spare
      spare = undefined
      return second
    }
    const radius = Math.sqrt(2 * exponential(random))
    const angle = 2 * Math.PI * random()
    spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
  return {
    meanMs: medianMs * Math.exp((sigma * sigma) / 2),
    sample: (random) => medianMs * Math.exp(sigma * normal(random)),
  }
}
