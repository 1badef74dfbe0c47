// A token that is made at the first start and kept in a file that only its user can read. The format's version is the beginning
// of the token itself (`sgt1_`), so that `$(cat file)` is all that curl needs. Invariant: a file is never overwritten, a file that
// others can read is never believed, and of two processes that start at once both get the same token.
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, mkdir, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SwitchgearError } from '@switchgear/core'

const format = /^sgt1_[A-Za-z0-9_-]{43}\n?$/
const longest = 256

/**
 * The token in the file at `path`; makes it (256 random bits, mode 0600, its folder 0700) where there is none. Rejects with
 * `SG_TOKEN_FILE` when the file is not a regular one, belongs to somebody else, can be read by others, is of a later format or
 * holds no token, and with the system's error when it cannot be read or made.
 *
 * @example
 * const token = await tokenFile(join(stateFolder, 'registry-token'))
 */
export async function tokenFile(path: string): Promise<string> {
  return (await read(path)) ?? (await make(path))
}

async function read(path: string): Promise<string | undefined> {
  let file: FileHandle
  try {
    // Not through a link: somebody else could have laid it.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    if (code === 'ELOOP') throw unusable(path, 'is a symbolic link')
    throw error
  }
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw unusable(path, 'is no regular file')
    const user = process.getuid?.()
    if (user !== undefined && stat.uid !== user) throw unusable(path, 'belongs to another user')
    if ((stat.mode & 0o077) !== 0) throw unusable(path, 'can be read or written by others; its mode must be 0600')
    if (stat.size > longest) throw unusable(path, 'holds no token')
    const text = await file.readFile('utf8')
    if (/^sgt\d+_/.test(text) && !text.startsWith('sgt1_')) throw unusable(path, 'was made by a later version')
    if (!format.test(text)) throw unusable(path, 'holds no token')
    return text.trimEnd()
  } finally {
    await file.close()
  }
}

async function make(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    try {
      await file.writeFile(`sgt1_${randomBytes(32).toString('base64url')}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    // A link, unlike a rename, never replaces a file that another process has just made.
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(draft, { force: true })
  }
  const token = await read(path)
  if (token === undefined) throw unusable(path, 'went away while it was made')
  return token
}

function unusable(path: string, why: string): SwitchgearError {
  return new SwitchgearError('SG_TOKEN_FILE', `the token file ${path} ${why}`)
}
