// Answers to what a command asks by HTTP, read up to a bound: whoever answers may be a stranger.
import { CommandError } from './failure.ts'

/** The body as text. Throws a `CommandError` where it is larger than `maxBytes`. */
export async function textOf(response: Response, maxBytes: number): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.length
    if (bytes > maxBytes) throw new CommandError(`the answer is larger than ${maxBytes / 1024 ** 2} MB`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

/** Why a `fetch` failed, as the system calls it; '' where it does not say. */
export function failureCode(error: unknown): string {
  const { cause } = error as { readonly cause?: { readonly code?: string } | undefined }
  return cause?.code ?? ''
}
