// Where a report goes, looked at before anything is played: a play may take minutes, and a folder that is not there is known
// at once. It writes nothing.
import { access, constants, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UsageError } from '../failure.ts'

/**
 * Throws a `UsageError` that names the option and the path where `file` cannot be written.
 *
 * @example
 * await checkDestination('reports/overload.html')
 */
export async function checkDestination(file: string): Promise<void> {
  const folder = dirname(file)
  try {
    const there = await existing(file)
    if (there?.isDirectory() === true) throw new UsageError(`--report ${file}: it is a folder`)
    await access(there === undefined ? folder : file, constants.W_OK)
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(`--report ${file}: ${reason(error, folder)}`)
  }
}

/** undefined when nothing has that name yet; the folder it would be in must be there all the same. */
async function existing(file: string): Promise<Awaited<ReturnType<typeof stat>> | undefined> {
  try {
    return await stat(file)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function reason(error: unknown, folder: string): string {
  const code = codeOf(error)
  if (code === 'ENOENT') return `there is no folder ${folder}`
  if (code === 'ENOTDIR') return `${folder} is no folder`
  return `it cannot be written${code === undefined ? '' : ` (${code})`}`
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
