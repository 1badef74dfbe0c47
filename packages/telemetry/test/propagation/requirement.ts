// The shape of a normative requirement of W3C Trace Context as data, and the judge of what a process sent on after it had
// received the requirement's headers. Invariant: the judge has grammars of its own and uses nothing of what it judges.

/** Name and value of a header, as it is sent. */
export type HeaderPair = readonly [name: string, value: string]

/** What must hold for every call that a process makes while it handles the request. */
export interface Expectation {
  /** Whether the calls belong to the trace of `traceparent`; if not, to a new one. */
  readonly continues: boolean
  /** The outgoing `tracestate`, without members of our own and without white space; '' when nothing may be left of it. */
  readonly tracestate?: string
  /** Whether the flag "random" must be set, or must not. */
  readonly random?: boolean
  /** Whether the flag "sampled" must be set, or must not, where the process follows its parent. */
  readonly sampled?: boolean
}

/** One requirement and one way to test it. */
export interface Requirement {
  readonly id: string
  readonly level: 'MUST' | 'SHOULD' | 'MAY'
  /** The heading of the text that it comes from. */
  readonly section: string
  readonly text: string
  readonly incoming: readonly HeaderPair[]
  readonly expect: Expectation
  /** Calls to make while the request is handled; 1 where it does not matter. */
  readonly calls: number
}

/** The ids that all requirements use, where nothing else is said. */
export const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
export const parentId = '00f067aa0ba902b7'
/** A header that nothing is wrong with. */
export const validTraceparent = `00-${traceId}-${parentId}-01`

const outgoingTraceparent = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-0([0-3])$/
const stateKey = '[a-z0-9][a-z0-9_*/@-]{0,255}'
const stateValue = '[ -+\\--<>-~]{0,255}[!-+\\--<>-~]'
/** A list as it should be sent: without white space and without empty members. */
export const outgoingTracestate: RegExp = new RegExp(`^${stateKey}=${stateValue}(?:,${stateKey}=${stateValue}){0,31}$`)

/**
 * What the headers of the calls, one list per call, do wrong; empty when all is well. `ownKeys` are the members of
 * `tracestate` that the process itself may have put at the front.
 */
export function violations(
  requirement: Requirement,
  calls: readonly (readonly HeaderPair[])[],
  ownKeys: readonly string[] = ['ot'],
): string[] {
  const found: string[] = []
  if (calls.length < requirement.calls) found.push(`${calls.length} of ${requirement.calls} calls arrived`)
  const parents = new Set<string>()
  for (const headers of calls) {
    const lines = valuesOf(headers, 'traceparent')
    const match = lines.length === 1 ? outgoingTraceparent.exec(lines[0] ?? '') : null
    if (match === null) {
      found.push(`not exactly one valid traceparent: ${JSON.stringify(lines)}`)
      continue
    }
    found.push(...judgePosition(requirement, match[1] ?? '', match[2] ?? '', Number(match[3])))
    found.push(...judgeState(requirement, valuesOf(headers, 'tracestate'), ownKeys))
    parents.add(match[2] ?? '')
  }
  if (found.length === 0 && parents.size < calls.length) found.push('two calls with the same parent id')
  return found
}

function judgePosition({ incoming, expect }: Requirement, trace: string, parent: string, flags: number): string[] {
  const found: string[] = []
  const sent = valuesOf(incoming, 'traceparent').join(',')
  if (expect.continues !== (trace === traceId)) found.push(`trace id ${trace} came out`)
  if (!expect.continues && sent.includes(trace)) found.push('a refused trace id was used')
  if (sent.includes(parent)) found.push('the parent id was not renewed')
  if (expect.random !== undefined && expect.random !== ((flags & 2) !== 0)) found.push(`random: flags are ${flags}`)
  if (expect.sampled !== undefined && expect.sampled !== ((flags & 1) !== 0)) found.push(`sampled: flags are ${flags}`)
  return found
}

function judgeState({ incoming, expect }: Requirement, lines: readonly string[], ownKeys: readonly string[]): string[] {
  const found: string[] = []
  const state = lines.join(',')
  if (lines.length > 0 && !outgoingTracestate.test(state)) found.push(`invalid tracestate '${state}'`)
  if (expect.tracestate === undefined) return found
  // A key of ours is only ours where it was not received.
  const received = valuesOf(incoming, 'tracestate').join(',')
  const isOwn = (member: string): boolean =>
    ownKeys.some((key) => member.startsWith(`${key}=`) && !received.includes(`${key}=`))
  const others = state.split(',').filter((member) => !isOwn(member))
  if (others.join(',') !== expect.tracestate) found.push(`tracestate '${state}' instead of '${expect.tracestate}'`)
  return found
}

function valuesOf(headers: readonly HeaderPair[], wanted: string): string[] {
  return headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
}
