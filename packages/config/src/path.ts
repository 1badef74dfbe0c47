// Where something stands in a configuration, as a list of keys and indexes, and how that is written for people.

/** From the root to a value: mapping keys and list indexes. */
export type Path = readonly (string | number)[]

/** A key that needs no quotes. */
const plain = /^[A-Za-z_$][\w$-]*$/

/**
 * Writes a path: `services.payments.policies[1].retry`; unusual keys are quoted, `services["payments.v2"]`.
 *
 * @example
 * formatPath(['gateway', 'routes', 0, 'path']) // 'gateway.routes[0].path'
 */
export function formatPath(path: Path): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (plain.test(part)) text += text === '' ? part : `.${part}`
    else text += `[${JSON.stringify(part)}]`
  }
  return text
}
