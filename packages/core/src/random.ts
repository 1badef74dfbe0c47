// Chance as the policies see it. Owns the default source; everything else in core receives a `Random`, so that a
// simulation replays from its seed.

/** Answers a number in [0, 1), like `Math.random`. */
export type Random = () => number

/** The host's own chance. Not for secrets. */
export const systemRandom: Random = () => Math.random()
