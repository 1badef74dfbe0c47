// Reads the one report that all test runners write: JUnit's XML. Only leaves are counted, and only what a verdict needs is
// read; how deep a runner nests its suites, and whether it counts a parent beside its steps, is its own affair.

/** What became of the tests. */
export interface Count {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Names of those that failed. */
  readonly failures: readonly string[]
}

// Inside an attribute only the quote and '<' are surely escaped; a bare '>' is not the end of the tag.
const testcase = /<testcase((?:\s+[\w:-]+="[^"]*")*)\s*(?:\/>|>([\s\S]*?)<\/testcase>)/g
const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/**
 * Counts the test cases of a report; an empty or broken one has none.
 *
 * @example
 * countTests('<testcase name="a"/><testcase name="b"><failure/></testcase>') // { passed: 1, failed: 1, ... }
 */
export function countTests(xml: string): Count {
  const failures: string[] = []
  let passed = 0
  let skipped = 0
  for (const [, attributes = '', body = ''] of xml.matchAll(testcase)) {
    if (/<(?:failure|error)\b/.test(body)) failures.push(nameIn(attributes))
    else if (/<skipped\b/.test(body)) skipped++
    else passed++
  }
  return { passed, failed: failures.length, skipped, failures }
}

function nameIn(attributes: string): string {
  const name = /\sname="([^"]*)"/.exec(attributes)?.[1] ?? '(no name)'
  return name.replace(/&(lt|gt|amp|quot|apos);/g, (_all, entity: string) => entities[entity] ?? '')
}
