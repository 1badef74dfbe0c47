// Where things are that stand outside of the file: URLs, files, secrets. Invariant: nothing here takes a secret itself.
import { z } from 'zod'
import { expecting } from './expectation.ts'
import { option } from './field.ts'

/** The path of a file or directory, as the process sees it. */
export const path: z.ZodString = expecting(z.string().regex(/^[^\0]{1,4096}$/), 'a path')

/** Some text that is there. */
export const word: z.ZodString = expecting(z.string().min(1).max(256), 'a text of 1 to 256 characters')

const httpUrl = z.string().refine(isPlainUrl)

/** Of something that speaks HTTP, perhaps below a path. A user in it would be a secret in a file of settings. */
export const url: z.ZodString = expecting(httpUrl, 'a URL such as http://127.0.0.1:4330, without user and query')

/** The same without a path. */
export const origin: z.ZodString = expecting(
  httpUrl.refine((text) => URL.parse(text)?.pathname === '/'),
  'a URL such as http://127.0.0.1:2379, without path, user and query',
)

/** One of a kind, or a list of them. */
export function oneOrMore<S extends z.ZodString>(item: S, what: string): z.ZodUnion<[S, z.ZodArray<S>]> {
  return expecting(z.union([item, z.array(item).min(1).max(100)]), what)
}

/** The name of a variable of the environment. */
const variable = expecting(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,255}$/), 'the name of a variable')

/** Where a secret is: a file or a variable of the environment. */
export function secret<N extends string>(
  name: N,
): { readonly [K in `${N}File` | `${N}Variable`]: z.ZodOptional<z.ZodString> } {
  return {
    [`${name}File`]: option(path, `A file that holds the ${name}.`),
    [`${name}Variable`]: option(variable, `The variable of the environment that holds the ${name}.`),
  } as { readonly [K in `${N}File` | `${N}Variable`]: z.ZodOptional<z.ZodString> }
}

/** Where our own certificate and its key are, and whom we trust. */
export const tlsFiles: {
  readonly [K in 'caFile' | 'certFile' | 'keyFile']: z.ZodOptional<z.ZodString>
} = {
  caFile: option(path, 'Certificates to trust instead of those of the system, as PEM.'),
  certFile: option(path, 'Our own certificate, as PEM.'),
  keyFile: option(path, 'Its key, as PEM.'),
}

function isPlainUrl(text: string): boolean {
  const parsed = URL.parse(text)
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return false
  return `${parsed.username}${parsed.password}${parsed.search}${parsed.hash}` === ''
}
