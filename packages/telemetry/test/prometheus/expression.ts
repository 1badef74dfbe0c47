// The names in an expression of PromQL, as far as our own expressions go: selectors with their labels, and labels by which
// something is grouped or matched.

export interface Selector {
  readonly metric: string
  readonly labels: readonly string[]
}

export interface Names {
  readonly selectors: readonly Selector[]
  readonly groupings: readonly string[]
}

const words = new Set(
  'and or unless bool offset inf nan start end by on without ignoring group_left group_right'.split(' '),
)
const grouping = /\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)/g

export function namesIn(expression: string): Names {
  const groupings: string[] = []
  const plain = expression
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(grouping, (_, labels: string) => {
      groupings.push(...(labels.match(/\w+/g) ?? []))
      return ' '
    })
  const selectors: Selector[] = []
  for (const [, metric = '', matchers = ''] of plain.matchAll(
    /(?<![\w.])([a-zA-Z_:][\w:]*)(?!\w|\s*\()(\{[^}]*\})?/g,
  )) {
    if (words.has(metric.toLowerCase())) continue
    selectors.push({ metric, labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label) })
  }
  return { selectors, groupings }
}
