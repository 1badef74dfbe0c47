// One look at a file: whether it changed since the last one, and its text if so. Owns what tells two states of a file apart. It
// must not be fooled by a rename, by a second writing within one tick of the file system's clock, or by a file that grows.
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'

/** What was seen. */
export interface Sight {
  /** Device, inode, size and times: another one means that the file may have changed. */
  readonly mark: string
  /** Of its text: the same one means that it has not. */
  readonly digest: string
  /** The file is so young that a further writing might leave the same mark. */
  readonly isYoung: boolean
}

/** A file system may give times of 2 s (FAT) or, over a network, those of another machine. */
const youngMs = 3000

/**
 * Looks at a file. Answers undefined where nothing changed since `last`. Throws what the file system says, or that it is too large.
 *
 * @example
 * const seen = await look('/etc/shop/endpoints.json', undefined, 16 * 1024 ** 2, Date.now())
 * seen?.text
 */
export async function look(
  path: string,
  last: Sight | undefined,
  mostBytes: number,
  wallMs: number,
): Promise<{ readonly sight: Sight; readonly text: string } | undefined> {
  // Opened first, so that mark and text are those of one file, also when another one is renamed to its place meanwhile.
  const file = await open(path, 'r')
  try {
    const stat = await file.stat({ bigint: true })
    const mark = [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ')
    if (mark === last?.mark && !last.isYoung) return undefined
    if (!stat.isFile()) throw new Error('it is not a file')
    if (stat.size > BigInt(mostBytes)) throw new Error(`it has ${stat.size} bytes, more than ${mostBytes}`)
    const text = await file.readFile('utf8')
    const digest = createHash('sha256').update(text).digest('base64')
    return { sight: { mark, digest, isYoung: Math.abs(wallMs - Number(stat.mtimeMs)) < youngMs }, text }
  } finally {
    await file.close()
  }
}
