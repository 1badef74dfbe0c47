// Two copies to be measured against each other, in a temporary folder: the core of this work tree and that of a git ref, each
// beside a copy of this benchmark whose `@switchgear/core` is that copy. Both are copies, so that editing goes on while they
// are measured. Invariant: nothing is written into the repository, and `remove` leaves nothing behind.
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Both versions; a folder is where its `child.ts` is. */
export interface Checkouts {
  readonly tree: string
  readonly ref: string
  /** What the ref stands for. */
  readonly commit: string
  remove(): Promise<void>
}

const root = join(import.meta.dirname, '..', '..')
const core = join('packages', 'core')
const run = promisify(execFile)

/** Copies this work tree and `ref`. Rejects, and leaves nothing, when there is no such ref or it has no core. */
export async function checkouts(ref: string, signal: AbortSignal): Promise<Checkouts> {
  const commit = await commitOf(ref)
  const folder = await mkdtemp(join(tmpdir(), 'switchgear-bench-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    const [tree, other] = [join(folder, 'tree'), join(folder, 'ref')]
    for (const part of ['package.json', 'src'])
      await cp(join(root, core, part), join(tree, core, part), { recursive: true })
    const archive = join(folder, 'ref.tar')
    await mkdir(other)
    await run('git', ['archive', '--format=tar', `--output=${archive}`, commit, core], { cwd: root, signal })
    await run('tar', ['-xf', archive, '-C', other], { signal })
    return { tree: await furnished(tree), ref: await furnished(other), commit, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

async function commitOf(ref: string): Promise<string> {
  try {
    const { stdout } = await run('git', ['rev-parse', '--verify', '--end-of-options', `${ref}^{commit}`], { cwd: root })
    return stdout.trim()
  } catch (error) {
    throw new Error(`'${ref}' is no branch, tag or commit of this repository`, { cause: error })
  }
}

/** Adds the benchmark of this work tree to a copy of core: the same cases measure both. */
async function furnished(folder: string): Promise<string> {
  const bench = join(folder, 'bench', 'core')
  await cp(import.meta.dirname, bench, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n')
  const scope = join(folder, 'node_modules', '@switchgear')
  await mkdir(scope, { recursive: true })
  await symlink(join(folder, core), join(scope, 'core'), 'dir')
  return bench
}
