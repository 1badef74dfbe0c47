// Finds a good point in a space of knobs: first the points it is given, then seeded chance over the whole space, then small
// steps around the best, which grow while they help and shrink while they do not. It knows nothing of policies or plays; the
// same seed and the same answers lead the same way.
import type { Random } from '@switchgear/core'
import { isBetter, type Score } from './score.ts'
import type { Point } from './space.ts'

/** What trying a point came to. */
export interface Trial {
  /** undefined when it was given up because it could no longer be better than the best. */
  readonly score: Score | undefined
  /** What it cost, in the unit of the budget; 0 for a point that was tried before. */
  readonly cost: number
}

/** What is searched. */
export interface SearchOptions {
  /** Tried first, in this order; at least one. The best of them is where a search of budget 0 stays. */
  readonly starts: readonly [Point, ...Point[]]
  /** Tries a point. It may give up once the point is sure to be worse than `best`. */
  readonly trial: (point: Point, best: Score | undefined) => Promise<Trial>
  /** Kept: only the first start may go beyond it, since something must be found. */
  readonly budget: number
  /** The most that one trial can cost; one that might not fit into the budget is not begun. Default 1. */
  readonly mostCost?: number | undefined
  readonly random: Random
  readonly onProgress?: (spent: number, best: Score | undefined) => void
}

/** A point and what it is worth. */
export interface Found {
  readonly point: Point
  readonly score: Score
}

/** Share of the budget that goes to chance over the whole space, before the refinement. */
const exploring = 0.4
const firstStep = 0.2
const leastStep = 0.01
/** The best points that are kept, for whoever asks the first and finds it wanting. */
const kept = 5

/**
 * The best points found, the best first; fewer than five when fewer were good enough to be tried to the end.
 *
 * @example
 * const [best] = await search({ starts: [[0.5, 0.5]], trial, budget: 60, random: seededRandom(1) })
 */
export async function search(options: SearchOptions): Promise<Found[]> {
  const { starts, budget, random } = options
  const [first] = starts
  const course = new Course(options)
  for (const start of starts) if (course.best === undefined || course.goesOn(budget)) await course.attempt(start)
  const explored = course.spent + (budget - course.spent) * exploring
  while (course.goesOn(explored)) await course.attempt(first.map(() => random()))
  let step = firstStep
  while (course.goesOn(budget)) {
    const improved = await course.attempt(moved(course.best?.point ?? first, step, random))
    step = improved ? Math.min(firstStep, step * 1.5) : Math.max(leastStep, step * 0.95)
  }
  return course.found
}

/** What was spent and found so far. */
class Course {
  readonly found: Found[] = []
  spent = 0
  readonly #options: SearchOptions
  /** Points that were tried before cost nothing, so the tries are bounded too. */
  #triesLeft: number

  constructor(options: SearchOptions) {
    this.#options = options
    this.#triesLeft = options.budget * 20 + options.starts.length
  }

  get best(): Found | undefined {
    return this.found[0]
  }

  /** Whether another point may be tried before `budget` is spent, which may be a part of the whole. */
  goesOn(budget: number): boolean {
    const { budget: whole, mostCost = 1 } = this.#options
    return this.spent < budget && this.spent + mostCost <= whole && this.#triesLeft > 0
  }

  /** Tries a point and says whether it is the new best. */
  async attempt(point: Point): Promise<boolean> {
    this.#triesLeft--
    const best = this.best?.score
    const { score, cost } = await this.#options.trial(point, best)
    this.spent += cost
    if (score !== undefined && cost > 0) insert(this.found, { point, score })
    this.#options.onProgress?.(this.spent, this.best?.score)
    return score !== undefined && (best === undefined || isBetter(score, best))
  }
}

/** A point near by: one to three of its places moved, so that what was good about it mostly stays. */
function moved(point: Point, step: number, random: Random): Point {
  const places = Math.min(point.length, 1 + Math.floor(random() * 3))
  const chosen = new Set(Array.from({ length: places }, () => Math.floor(random() * point.length)))
  return point.map((place, index) => {
    if (!chosen.has(index)) return place
    // The sum of three uniform numbers is normal enough, and now and then a step must be a leap: choices lie far apart.
    const size = random() < 0.1 ? 0.5 : step
    return Math.min(1, Math.max(0, place + (random() + random() + random() - 1.5) * 2 * size))
  })
}

function insert(found: Found[], one: Found): void {
  const place = found.findIndex(({ score }) => isBetter(one.score, score))
  found.splice(place < 0 ? found.length : place, 0, one)
  found.length = Math.min(found.length, kept)
}
