// Labels as they stand in the text of both formats. The text of a label set is also its key: it is unambiguous, because the
// values are escaped in it, so that no two label sets can be taken for one another.
import { OptionsError } from '@switchgear/core'

/** What a label value is cut to, in UTF-16 units. */
export const longestLabel = 1024

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '"': '\\"' }
const special = /[\\\n"]/
const everySpecial = /[\\\n"]/g

/**
 * A value that can be written: at most `longestLabel` long and valid Unicode. A lone surrogate has no form in UTF-8 and would
 * become the replacement character on its way, so that two series could arrive as one; it is replaced here.
 */
export function cleanLabel(value: string): string {
  return (value.length > longestLabel ? value.slice(0, longestLabel) : value).toWellFormed()
}

/** Escapes backslash, line feed and double quote, as both formats want it in label values. */
function escapeLabel(value: string): string {
  return special.test(value) ? value.replaceAll(everySpecial, (char) => escapes[char] ?? char) : value
}

/** Escapes a help text: double quotes only where `quotes` (OpenMetrics) is true. */
export function escapeHelp(help: string, quotes: boolean): string {
  return help.replaceAll(quotes ? everySpecial : /[\\\n]/g, (char) => escapes[char] ?? char)
}

/** `a="b",c="d"`. Throws `SG_BAD_OPTIONS` when there is not one value for each name. */
export function labelText(names: readonly string[], values: readonly string[]): string {
  if (names.length !== values.length) {
    throw new OptionsError(`label values must be ${names.length} (${names.join(', ')}), got ${values.length}`)
  }
  let text = ''
  for (let index = 0; index < names.length; index++) {
    text += `${index === 0 ? '' : ','}${names[index]}="${escapeLabel(values[index] ?? '')}"`
  }
  return text
}
