// What YAML allows and a configuration does not: keys that are no words or there twice, aliases that lead nowhere, into themselves or
// into more nodes than anybody wrote, foreign tags, merge keys. Invariant: a tree without faults has a finite, bounded
// expansion and maps onto plain JSON, so that whatever walks its values later needs no guard of its own.
import { type Alias, isAlias, isMap, isScalar, isSeq, type ParsedNode } from 'yaml'
import { nearest } from '@switchgear/client'
import { shown } from './problem.ts'

/** How deep collections may nest; a configuration needs eight. */
const deepest = 64
/** How many nodes a file may have once its aliases are expanded; a thousand services need some 60 000. */
const mostNodes = 250_000

const jsonTags = new Set(['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map((tag) => `tag:yaml.org,2002:${tag}`))

/** A fault of the tree, at an offset into the text. */
export interface Fault {
  readonly offset: number
  readonly message: string
  readonly expected: string
  readonly nearest?: string | undefined
  /** Whether the values can be judged in spite of it. */
  readonly bearable: boolean
}

/**
 * The nodes of a document with their aliases resolved.
 *
 * @example
 * const tree = new Tree(parseDocument(text).contents)
 * tree.faults.length === 0
 */
export class Tree {
  readonly faults: Fault[] = []
  readonly #anchors = new Map<string, ParsedNode>()
  readonly #targets = new Map<Alias, ParsedNode>()
  /** Expanded sizes of anchored nodes. One that is still being walked has none, which is how a circle shows. */
  readonly #sizes = new Map<ParsedNode, number>()
  #expanded = 0

  constructor(root: ParsedNode | null) {
    this.#size(root, 0)
  }

  /** The node itself, or what an alias stands for. */
  resolve(node: ParsedNode | null): ParsedNode | null {
    return isAlias(node) ? (this.#targets.get(node) ?? null) : node
  }

  /** Walks a node and answers how many nodes it expands to. */
  #size(node: ParsedNode | null, depth: number): number {
    if (node === null) return 1
    if (isAlias(node)) return this.#aliased(node)
    if (depth > deepest) {
      this.#fault(node, 'nested too deeply', `at most ${deepest} levels`)
      return 1
    }
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node)
    this.#checkTag(node)
    const size = 1 + this.#children(node, depth + 1)
    if (node.anchor !== undefined) this.#sizes.set(node, size)
    return size
  }

  #children(node: ParsedNode, depth: number): number {
    let size = 0
    if (isSeq(node)) for (const item of node.items) size += this.#size(item, depth)
    if (isMap(node)) {
      const keys = new Set<string>()
      for (const { key, value } of node.items) {
        this.#checkKey(key, keys)
        size += 1 + this.#size(value, depth)
      }
    }
    return size
  }

  #aliased(alias: Alias.Parsed): number {
    const target = this.#anchors.get(alias.source)
    if (target === undefined) {
      const guess = nearest(alias.source, this.#anchors.keys())
      this.#fault(alias, `unknown alias '*${alias.source}'`, `an anchor that stands above it (&${alias.source})`, guess)
      return 1
    }
    const size = this.#sizes.get(target)
    if (size === undefined) {
      this.#fault(alias, `alias '*${alias.source}' contains itself`, 'an alias of something outside of it')
      return 1
    }
    this.#targets.set(alias, target)
    const before = this.#expanded
    this.#expanded += size
    // Told once, where the bound is crossed: everything after it would only repeat it.
    if (before <= mostNodes && this.#expanded > mostNodes) {
      const message = `alias '*${alias.source}' expands the file to too many nodes`
      this.#fault(alias, message, `at most ${mostNodes} nodes after all aliases are expanded`)
    }
    return size
  }

  #checkKey(key: ParsedNode, before: Set<string>): void {
    if (!isScalar(key) || key.value === null)
      this.#fault(key, 'a key that is not a word', 'a word, followed by a colon')
    else if (key.value === '<<') {
      this.#fault(
        key,
        'merge keys (<<) are not part of YAML 1.2',
        'an alias for a whole value, as in policies: *standard',
      )
    } else if (key.value === '__proto__') {
      // Objects would take it for their prototype: it would be lost or, worse, obeyed.
      this.#fault(key, "'__proto__' cannot be a key", 'another word')
    } else if (before.has(String(key.value))) {
      const message = `duplicate key ${shown(String(key.value))}`
      this.faults.push({ offset: key.range[0], message, expected: 'each key once', bearable: true })
    } else before.add(String(key.value))
  }

  #checkTag(node: ParsedNode): void {
    if (node.tag === undefined || jsonTags.has(node.tag)) return
    this.#fault(node, `unknown tag '${node.tag}'`, 'a plain value without a tag')
  }

  #fault(node: ParsedNode, message: string, expected: string, nearest?: string): void {
    this.faults.push({ offset: node.range[0], message, expected, nearest, bearable: false })
  }
}
