// The spans of a trace as trees. Invariant: every span is exactly once in the order, a parent before its children, whatever the
// spans say of each other: a missing parent or a circle makes another root. Nothing recurses: a chain may be 10 000 deep.

/** What a tree needs to know of a span. */
export interface TreeSpan {
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly startMicros: number
}

/** Spans by number, and what hangs on what. */
export interface Forest {
  /** Number of the parent of each span, -1 for a root. */
  readonly parents: readonly number[]
  /** Numbers of the children of each span, by start. */
  readonly children: readonly (readonly number[])[]
  /** By start. */
  readonly roots: readonly number[]
  /** All numbers, depth first. */
  readonly order: readonly number[]
}

/** Builds the trees. Of two spans with the same id, the later one gets the children. */
export function forestOf(spans: readonly TreeSpan[]): Forest {
  const byId = new Map(spans.map(({ spanId }, number) => [spanId, number]))
  const parents = spans.map(({ spanId, parentSpanId }) =>
    parentSpanId === undefined || parentSpanId === spanId ? -1 : (byId.get(parentSpanId) ?? -1),
  )
  const children: number[][] = spans.map(() => [])
  const sorted = spans.map((_, number) => number).toSorted((a, b) => startOf(spans, a) - startOf(spans, b) || a - b)
  for (const number of sorted) children[parents[number] ?? -1]?.push(number)
  const roots: number[] = []
  const order: number[] = []
  const seen = new Uint8Array(spans.length)
  const visit = (root: number): void => {
    roots.push(root)
    const stack = [root]
    for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
      seen[number] = 1
      order.push(number)
      for (const child of (children[number] ?? []).toReversed()) stack.push(child)
    }
  }
  for (const number of sorted) if (parents[number] === -1) visit(number)
  // What is left hangs on a circle: the earliest span of each is cut off its parent.
  for (const number of sorted) {
    if (seen[number] === 1) continue
    const siblings = children[parents[number] ?? -1]
    siblings?.splice(siblings.indexOf(number), 1)
    parents[number] = -1
    visit(number)
  }
  return { parents, children, roots, order }
}

function startOf(spans: readonly TreeSpan[], number: number): number {
  return spans[number]?.startMicros ?? 0
}
