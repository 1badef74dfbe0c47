// From a text or a file to a frozen configuration, or to one error with everything that is wrong. Whoever holds a running
// configuration keeps it when this throws.
import { readFile, stat } from 'node:fs/promises'
import { judge } from './judgement.ts'
import { ConfigError } from './problem.ts'
import { references } from './references/references.ts'
import { type Config, config } from './schema/config.ts'
import { longestText, Source } from './source.ts'

/**
 * Reads a configuration. Throws a `ConfigError` with all problems of the text, in the order of their positions; only when
 * the YAML itself cannot be read are its keys not judged.
 *
 * @example
 * const { services } = parseConfig('services: { payments: { endpoints: [http://127.0.0.1:8081] } }')
 */
export function parseConfig(text: string, file = 'switchgear.yaml'): Config {
  const source = new Source(text, file)
  const problems = [...source.problems]
  if (!source.readable) throw new ConfigError(file, problems, source.text)
  const value = source.value()
  const { data, mistakes } = judge(config, value)
  for (const { path, part, ...words } of [...mistakes, ...references(value)])
    problems.push(source.problem(path, part, words))
  if (data === undefined || problems.length > 0) throw new ConfigError(file, problems, source.text)
  return frozen(data)
}

/**
 * Reads a configuration from a file, which must be UTF-8. A file that cannot be read is a `ConfigError` as well; its cause
 * is the error of the system.
 *
 * @example
 * const config = await loadConfig('switchgear.yaml')
 */
export async function loadConfig(path: string): Promise<Config> {
  return parseConfig(decoded(await bytesOf(path), path), path)
}

/** Why a file cannot be read, in our words. */
const reasons: Readonly<Record<string, readonly [message: string, expected: string]>> = {
  ENOENT: ['no such file', 'a configuration at this path'],
  ENOTDIR: ['no such file', 'a configuration at this path'],
  EACCES: ['no permission to read it', 'a file that this user may read'],
  EPERM: ['no permission to read it', 'a file that this user may read'],
  EISDIR: ['it is a directory', 'a file'],
}

async function bytesOf(path: string): Promise<Buffer> {
  try {
    const found = await stat(path)
    // Only a regular file ends: a pipe may keep its reader waiting for ever.
    if (found.isDirectory()) throw Object.assign(new Error('is a directory'), { code: 'EISDIR' })
    if (!found.isFile()) throw new Error('is not a regular file')
    if (found.size > longestText) throw new Error(`has ${found.size} bytes`)
    return await readFile(path)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const [said, expected] = reasons[code] ?? [`it cannot be read (${message})`, 'a readable file of at most 1 MiB']
    throw unreadable(path, said, expected, error)
  }
}

function decoded(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw unreadable(path, 'it is not UTF-8', 'a text in UTF-8', error)
  }
}

function unreadable(file: string, message: string, expected: string, cause: unknown): ConfigError {
  return new ConfigError(file, [{ file, line: 0, column: 0, path: '', message, expected }], '', cause)
}

/** Freezes a value and all that it holds. Aliases share their values, so what is frozen is done. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const inner of Object.values(value)) frozen(inner)
  return value
}
