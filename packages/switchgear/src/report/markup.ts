// Text into markup. Everything that a configuration or a scenario may name goes through `escaped`; nothing else of a report
// comes from outside.

/**
 * A text as it may stand in an element or an attribute.
 *
 * @example
 * escaped('a < b') // 'a &lt; b'
 */
export function escaped(text: string): string {
  // Control characters are in no version of XML 1.0, not even escaped.
  return text
    .replaceAll(/[^\P{Cc}\n\t]/gu, '\uFFFD')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** A coordinate, as short as it may be. */
export function coordinate(value: number): string {
  return String(Number(value.toFixed(1)))
}

/**
 * A piece of text in a drawing.
 *
 * @example
 * label(10, 20, 'good answers', 'title') // '<text x="10" y="20" class="title">good answers</text>'
 */
export function label(
  x: number,
  y: number,
  text: string,
  classes: string,
  anchor: 'start' | 'middle' | 'end' = 'start',
): string {
  const at = anchor === 'start' ? '' : ` text-anchor="${anchor}"`
  return `<text x="${coordinate(x)}" y="${coordinate(y)}" class="${classes}"${at}>${escaped(text)}</text>`
}
