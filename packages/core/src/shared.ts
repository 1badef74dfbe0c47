// Values that more than one caller may hold: those of a cache, and those of a flight that several calls joined. One caller's
// late or replaced answer must not free what another one still reads, so no judge discards such a value.

const held = new WeakSet<object>()

/** Marks a value as held by more than one caller, for good. A primitive holds nothing that could be freed. */
export function share(value: unknown): void {
  if ((typeof value === 'object' && value !== null) || typeof value === 'function') held.add(value)
}

/** Whether `share` was told of it. */
export function isShared(value: unknown): boolean {
  return held.has(value as object)
}
