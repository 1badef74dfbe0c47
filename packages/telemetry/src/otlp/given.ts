// Options of which some are not given. Invariant: a field that is undefined and one that is left out come out the same.

/**
 * The fields that are not undefined: the others would override the defaults of whoever spreads this.
 *
 * @example
 * given({ endpoint: 'http://localhost:4318', timeout: undefined }) // { endpoint: 'http://localhost:4318' }
 */
export function given<T extends object>(fields: { readonly [Name in keyof T]?: T[Name] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
}
