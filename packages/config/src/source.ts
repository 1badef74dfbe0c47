// The text of a configuration: parsed once, with the position of every key and value. Invariant: each position it gives is
// inside the text. It knows YAML and nothing of what the keys mean.
import { type Document, isMap, isSeq, LineCounter, type ParsedNode, parseDocument, type YAMLMap } from 'yaml'
import type { Path } from './path.ts'
import { formatPath } from './path.ts'
import type { Problem } from './problem.ts'
import { Tree } from './tree.ts'

/** A larger text is not parsed: a configuration is written by people. In UTF-16 units. */
export const longestText: number = 1024 * 1024

/** Errors of the YAML library after which the rest of the tree still means what its author wrote. */
const survivable = new Set(['MULTIPLE_DOCS', 'TAG_RESOLVE_FAILED', 'BAD_DIRECTIVE'])

/** Our words for the errors that people make most. Others keep the library's message. */
const wording: Readonly<Record<string, readonly [message: string, expected: string]>> = {
  MULTIPLE_DOCS: ['a second document', 'one document in a file'],
  TAB_AS_INDENT: ['a tab cannot indent', 'spaces'],
  RESOURCE_EXHAUSTION: ['nested too deeply', 'at most 64 levels'],
}

/** What a problem says, apart from where it stands. */
export type Wording = Pick<Problem, 'message' | 'expected'> & { readonly nearest?: string | undefined }

/**
 * A parsed text. Its `problems` are those of the YAML itself; `readable` says whether `value()` is worth judging in spite
 * of them.
 *
 * @example
 * const source = new Source('services: {}', 'switchgear.yaml')
 * source.problem(['services'], 'key', { message: 'unknown key', expected: 'one of a, b' }).column // 1
 */
export class Source {
  readonly file: string
  readonly text: string
  readonly problems: Problem[] = []
  readonly readable: boolean
  readonly #lines = new LineCounter()
  readonly #document: Document.Parsed
  readonly #tree: Tree
  /** The pairs of a mapping by key, made when one is first looked for. */
  readonly #pairs = new Map<YAMLMap.Parsed, Map<string, YAMLMap.Parsed['items'][number]>>()

  constructor(text: string, file: string) {
    this.file = file
    // A byte order mark is no column.
    this.text = text.startsWith('\uFEFF') ? text.slice(1) : text
    const tooLong = this.text.length > longestText
    this.#document = parseDocument(tooLong ? '' : this.text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      version: '1.2',
      // Named, so that a %YAML 1.1 directive cannot turn `no` into false.
      schema: 'core',
      // The library compares each key with all before it; the tree asks a set.
      uniqueKeys: false,
    })
    const broken = this.#syntax()
    this.#tree = new Tree(broken ? null : this.#document.contents)
    for (const { offset, bearable: _, ...fault } of this.#tree.faults) this.problems.push(this.#at(offset, '', fault))
    if (tooLong) {
      this.problems.push(this.#at(0, '', { message: 'the file is too large', expected: 'at most 1 MiB' }))
    } else if (!broken && this.#document.contents === null) {
      this.problems.push(
        this.#at(0, '', { message: 'the file is empty', expected: "a mapping with the key 'services'" }),
      )
    }
    this.readable = !broken && this.#document.contents !== null && this.#tree.faults.every(({ bearable }) => bearable)
  }

  /** The document as plain data; only where it is `readable`. */
  value(): unknown {
    // The tree has bounded the expansion, and more exactly: the library's own bound counts uses of one anchor, so that a
    // hundred services sharing their policies would already be too many.
    return this.#document.toJS({ maxAliasCount: -1 })
  }

  /** A problem at the key or the value of a path. Where there is no such thing, its nearest container is pointed at. */
  problem(path: Path, part: 'key' | 'value', words: Wording): Problem {
    return this.#at(this.#offset(path, part), formatPath(path), words)
  }

  #at(offset: number, path: string, { message, expected, nearest }: Wording): Problem {
    const place = this.#position(offset)
    const problem = { file: this.file, line: place.line, column: place.col, path, message, expected }
    return nearest === undefined ? problem : { ...problem, nearest }
  }

  /** 1-based. What is missing at the end of the text is missing after its last word, not after blank lines. */
  #position(offset: number): { line: number; col: number } {
    const place = this.#lines.linePos(Math.min(offset, this.text.trimEnd().length))
    return place.line === 0 ? { line: 1, col: 1 } : place
  }

  #offset(path: Path, part: 'key' | 'value'): number {
    let node: ParsedNode | null = this.#document.contents
    let container = node?.range[0] ?? 0
    let value = container
    for (const step of path) {
      const inside: ParsedNode | null = this.#tree.resolve(node)
      if (isMap(inside)) {
        const pair = this.#pair(inside as YAMLMap.Parsed, String(step))
        if (pair === undefined) return container
        container = pair.key.range[0]
        node = pair.value
      } else if (isSeq(inside)) {
        node = (inside.items[Number(step)] as ParsedNode | undefined) ?? null
        container = node?.range[0] ?? container
      } else return container
      // A key with nothing after its colon has a value of no width, somewhere behind it: the key is what can be seen.
      value = node === null || node.range[0] === node.range[1] ? container : node.range[0]
    }
    return part === 'key' ? container : value
  }

  #pair(map: YAMLMap.Parsed, key: string): YAMLMap.Parsed['items'][number] | undefined {
    let pairs = this.#pairs.get(map)
    if (pairs === undefined) {
      pairs = new Map(map.items.map((pair) => [String(pair.key), pair]))
      this.#pairs.set(map, pairs)
    }
    return pairs.get(key)
  }

  /** Collects what the library found; answers whether it makes the tree worthless. */
  #syntax(): boolean {
    let broken = false
    const told = new Set<number>()
    for (const { code, message, pos } of [...this.#document.errors, ...this.#document.warnings]) {
      const [said, expected] = wording[code] ?? [message, 'valid YAML 1.2']
      const problem = this.#at(pos[0], '', { message: said, expected })
      if (survivable.has(code)) {
        this.problems.push(problem)
        continue
      }
      broken = true
      // One slip often makes several errors on its line; the first is the one to correct.
      if (!told.has(problem.line)) this.problems.push(problem)
      told.add(problem.line)
    }
    return broken
  }
}
