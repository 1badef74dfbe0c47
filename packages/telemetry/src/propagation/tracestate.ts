// The `tracestate` header of W3C Trace Context level 2, kept as text. Invariant: what these functions return is a valid
// header without white space between members, empty members and double keys, or ''. Members they were not asked about keep
// their order and their values.
import { isSpace } from './field-text.ts'

/** The most members that a list may have. */
const maxMembers = 32
/** The most characters of a valid list: 32 members, each with 256 of a key, 256 of a value and what divides them. */
export const maxTracestateLength: number = maxMembers * 514 - 1
/** The key that OpenTelemetry's own values stand under. */
export const openTelemetryKey = 'ot'

const maxPartLength = 256
/** Members longer than this go first when a list must be cut. */
const longMember = 128
const comma = 44
const equalsSign = 61

/** Characters of a key, by code. */
const ofKeys = new Uint8Array(128)
for (const letter of 'abcdefghijklmnopqrstuvwxyz0123456789_-*/@') ofKeys[letter.charCodeAt(0)] = 1

/**
 * Reads a `tracestate` header whose lines have been combined, and returns it in its plainest form. '' when it is empty or
 * breaks a rule: nobody can tell what is left of a broken list, so all of it is dropped. Of members with the same key the
 * left-most stays, which is the latest.
 *
 * Source: W3C Trace Context level 2, "tracestate Header Field Values".
 *
 * @example
 * parseTracestate('rojo=1 ,\t, congo=2') // 'rojo=1,congo=2'
 */
export function parseTracestate(text: string | undefined): string {
  if (text === undefined || text === '') return ''
  const keys: string[] = []
  let plain = ''
  let from = 0
  while (from <= text.length) {
    let to = text.indexOf(',', from)
    if (to < 0) to = text.length
    let end = to
    while (from < end && isSpace(text.charCodeAt(from))) from++
    while (end > from && isSpace(text.charCodeAt(end - 1))) end--
    if (from < end) {
      const divider = keyEnd(text, from, end)
      if (divider < 0 || !isValue(text, divider + 1, end)) return ''
      const key = text.slice(from, divider)
      if (!keys.includes(key)) {
        if (keys.push(key) > maxMembers) return ''
        plain += plain === '' ? text.slice(from, end) : `,${text.slice(from, end)}`
      }
    }
    from = to + 1
  }
  return plain
}

/** The value of the member `key` in a valid list; undefined where it is missing. */
export function readMember(state: string, key: string): string | undefined {
  const at = memberAt(state, key)
  if (at < 0) return undefined
  const end = state.indexOf(',', at)
  return state.slice(at + key.length + 1, end < 0 ? state.length : end)
}

/**
 * Sets a member of a valid list: it moves to the front, and where the list would have more than 32 the right-most go. An
 * invalid key or value changes nothing.
 *
 * @example
 * writeMember('rojo=1,ot=th:c', 'ot', 'th:8') // 'ot=th:8,rojo=1'
 */
export function writeMember(state: string, key: string, value: string): string {
  const member = `${key}=${value}`
  if (keyEnd(member, 0, member.length) !== key.length || !isValue(member, key.length + 1, member.length)) return state
  if (isSpace(value.charCodeAt(value.length - 1))) return state
  const rest = deleteMember(state, key)
  if (rest === '') return member
  const members = rest.split(',')
  return members.length < maxMembers ? `${member},${rest}` : [member, ...members.slice(0, maxMembers - 1)].join(',')
}

/** A valid list without the member `key`. */
export function deleteMember(state: string, key: string): string {
  const at = memberAt(state, key)
  if (at < 0) return state
  const end = state.indexOf(',', at)
  if (end < 0) return state.slice(0, Math.max(0, at - 1))
  return state.slice(0, at) + state.slice(end + 1)
}

/**
 * Cuts a valid list to at most `most` characters, whole members only: first those of more than 128 characters, from the
 * right, then others from the right.
 *
 * Source: W3C Trace Context level 2, "tracestate Limits".
 */
export function cutTracestate(state: string, most: number): string {
  if (state.length <= most) return state
  const members = state.split(',')
  let length = state.length
  for (const least of [longMember, 0]) {
    for (let index = members.length - 1; index >= 0 && length > most; index--) {
      const size = members[index]?.length ?? 0
      if (size <= least) continue
      members.splice(index, 1)
      // The comma that divided it goes as well.
      length -= size + 1
    }
  }
  return members.join(',')
}

/** Where the member `key` begins in a valid list; negative where it is missing. */
function memberAt(state: string, key: string): number {
  if (state.startsWith(`${key}=`)) return 0
  const at = state.indexOf(`,${key}=`)
  return at < 0 ? at : at + 1
}

/** Where the key that begins at `from` ends and its equals sign stands; negative when it is no key. */
function keyEnd(text: string, from: number, to: number): number {
  let at = from
  while (at < to) {
    const code = text.charCodeAt(at)
    if (code === equalsSign) break
    if (code > 127 || ofKeys[code] !== 1) return -1
    at++
  }
  const length = at - from
  return at < to && length > 0 && length <= maxPartLength && startsKey(text.charCodeAt(from)) ? at : -1
}

/** A key begins with a letter or a digit. */
function startsKey(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57)
}

/** Whether there is a value from `from` to before `to`; that it does not end in white space is known. */
function isValue(text: string, from: number, to: number): boolean {
  if (to - from < 1 || to - from > maxPartLength) return false
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    if (code < 32 || code > 126 || code === comma || code === equalsSign) return false
  }
  return true
}
