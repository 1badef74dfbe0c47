// The requirements about `tracestate` in W3C Trace Context level 2, as data. Sections are named by their headings. Where the
// text leaves a choice, the row holds ours: a broken list is discarded as a whole, and of double keys the left-most stays.
import { type HeaderPair, type Requirement, validTraceparent } from './requirement.ts'

const values = 'tracestate Header Field Values'
const key = 'Key'
const value = 'Value'
const limits = 'tracestate Limits'
const combinedValue = 'Combined Header Value'
const mutating = 'Mutating the tracestate Field'
const model = 'A traceparent is Received'

type Row = readonly [
  id: string,
  level: Requirement['level'],
  section: string,
  text: string,
  lines: readonly string[],
  expected: string,
]

function row([id, level, section, text, lines, expected]: Row): Requirement {
  const incoming: HeaderPair[] = [['traceparent', validTraceparent]]
  for (const line of lines) incoming.push(['tracestate', line])
  const expect = { continues: true, tracestate: expected }
  return { id: `tracestate.${id}`, level, section, text, incoming, expect, calls: 1 }
}

const allKeys = 'abcdefghijklmnopqrstuvwxyz0123456789_-*/'
const allValues = Array.from({ length: 0x7f - 0x20 }, (_, index) => String.fromCharCode(0x20 + index))
  .filter((character) => character !== ',' && character !== '=')
  .join('')

function members(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, index) => `bar${from + index}=${from + index}`).join(',')
}

const long = `${'k'.repeat(100)}=${'v'.repeat(200)}`

const rows: readonly Row[] = [
  ['order', 'MUST', mutating, 'It is sent on in its order.', ['foo=1,bar=2'], 'foo=1,bar=2'],
  [
    'lines',
    'MUST',
    values,
    'Several lines are one list, in their order.',
    ['foo=1,bar=2', 'rojo=1,congo=2', 'baz=3'],
    'foo=1,bar=2,rojo=1,congo=2,baz=3',
  ],
  ['empty', 'MUST', values, 'An empty header is accepted, and not sent.', [''], ''],
  ['empty.last', 'MUST', values, 'An empty line adds nothing.', ['foo=1', ''], 'foo=1'],
  ['empty.first', 'MUST', values, 'An empty line takes nothing.', ['', 'foo=1'], 'foo=1'],
  ['empty.member', 'MUST', values, 'Empty members are allowed.', ['foo=1,,bar=2,'], 'foo=1,bar=2'],
  ['empty.space', 'MUST', values, 'Members of white space are allowed.', ['foo=1, \t ,bar=2'], 'foo=1,bar=2'],
  ['empty.only', 'MUST', values, 'A list of nothing but empty members is empty.', [' ,\t,,'], ''],
  [
    'space',
    'MUST',
    values,
    'White space around members is none of them.',
    ['foo=1 \t , \t bar=2, \t baz=3'],
    'foo=1,bar=2,baz=3',
  ],
  ['space.tabs', 'MUST', values, 'Tabs are white space.', ['foo=1\t \t,\t \tbar=2,\t \tbaz=3'], 'foo=1,bar=2,baz=3'],
  ['space.outside', 'MUST', values, 'So it is at both ends of the header.', ['\t foo=1 \t'], 'foo=1'],
  ['key.all', 'MUST', key, 'All characters of a key pass.', [`${allKeys}=1`], `${allKeys}=1`],
  ['key.digit', 'MUST', key, 'A key may begin with a digit.', ['1foo=1'], '1foo=1'],
  ['key.tenant', 'MUST', key, 'A tenant before an at sign passes.', ['tenant@system=1,bar=2'], 'tenant@system=1,bar=2'],
  ['key.at.last', 'MUST', key, 'An at sign may be anywhere but in front.', ['foo@=1,bar=2'], 'foo@=1,bar=2'],
  ['key.at.twice', 'MUST', key, 'And more than once.', ['foo@@bar=1,a@b@c=2'], 'foo@@bar=1,a@b@c=2'],
  ['key.at.first', 'MUST', key, 'In front of a key it breaks the list.', ['@foo=1,bar=2'], ''],
  ['key.first.mark', 'MUST', key, 'So do other marks in front.', ['_foo=1,bar=2'], ''],
  ['key.space', 'MUST', key, 'White space before the equals sign breaks the list.', ['foo =1'], ''],
  ['key.upper', 'MUST', key, 'Keys are lower-case.', ['FOO=1'], ''],
  ['key.dot', 'MUST', key, 'A dot is not of a key.', ['foo.bar=1'], ''],
  ['key.missing', 'MUST', key, 'A member has a key.', ['=1,bar=2'], ''],
  [
    'key.256',
    'MUST',
    key,
    'A key may have 256 characters.',
    ['foo=1', `${'z'.repeat(256)}=1`],
    `foo=1,${'z'.repeat(256)}=1`,
  ],
  ['key.257', 'MUST', key, 'But not 257.', ['foo=1', `${'z'.repeat(257)}=1`], ''],
  [
    'key.tenant.241',
    'MUST',
    key,
    'A long tenant passes.',
    [`${'t'.repeat(241)}@${'v'.repeat(14)}=1`],
    `${'t'.repeat(241)}@${'v'.repeat(14)}=1`,
  ],
  [
    'key.tenant.242',
    'MUST',
    key,
    'Its length has no limit of its own.',
    [`${'t'.repeat(242)}@v=1`],
    `${'t'.repeat(242)}@v=1`,
  ],
  ['key.system.15', 'MUST', key, 'Nor has that of the system.', [`t@${'v'.repeat(15)}=1`], `t@${'v'.repeat(15)}=1`],
  ['value.all', 'MUST', value, 'All characters of a value pass.', [`foo=${allValues}`], `foo=${allValues}`],
  ['value.space', 'MUST', value, 'Leading spaces are part of a value.', ['foo=  1,bar=2'], 'foo=  1,bar=2'],
  ['value.space.inside', 'MUST', value, 'So are spaces within.', ['foo=1 2,bar=2'], 'foo=1 2,bar=2'],
  ['value.tab', 'MUST', value, 'A tab is not of a value.', ['foo=1\t2,bar=2'], ''],
  ['value.equals', 'MUST', value, 'An equals sign is not of a value.', ['foo=bar=baz'], ''],
  ['value.empty', 'MUST', value, 'A value is not empty.', ['foo=,bar=3'], ''],
  ['value.missing', 'MUST', value, 'A member has a value.', ['foo,bar=3'], ''],
  ['value.blank', 'MUST', value, 'A value is more than spaces.', ['foo=   ,bar=3'], ''],
  ['value.latin', 'MUST', value, 'A value is ASCII.', ['foo=\u00e9,bar=3'], ''],
  [
    'value.256',
    'MUST',
    value,
    'A value may have 256 characters.',
    [`foo=${'x'.repeat(256)}`],
    `foo=${'x'.repeat(256)}`,
  ],
  ['value.257', 'MUST', value, 'But not 257.', [`foo=${'x'.repeat(257)}`], ''],
  [
    'count.32',
    'MUST',
    values,
    'There may be 32 members.',
    [members(1, 10), members(11, 20), members(21, 32)],
    members(1, 32),
  ],
  ['count.33', 'MUST', values, 'But not 33.', [members(1, 10), members(11, 20), members(21, 33)], ''],
  ['count.empty', 'MUST', values, 'Empty members are not counted.', [`,,${members(1, 32)},,`], members(1, 32)],
  [
    'length.512',
    'SHOULD',
    limits,
    'At least 512 characters are sent on.',
    [`${'k'.repeat(250)}=${'v'.repeat(250)},foo=123456`],
    `${'k'.repeat(250)}=${'v'.repeat(250)},foo=123456`,
  ],
  [
    'length.more',
    'SHOULD',
    limits,
    'Here more are, whole.',
    [`${long},b${long},c${long}`],
    `${long},b${long},c${long}`,
  ],
  [
    'double',
    'MAY',
    mutating,
    'Of members with one key the left-most, the latest, stays.',
    ['foo=1,foo=2,bar=3'],
    'foo=1,bar=3',
  ],
  ['double.same', 'MAY', mutating, 'Also where they are the same.', ['foo=1,foo=1'], 'foo=1'],
  ['double.lines', 'MUST', combinedValue, 'Also across lines.', ['foo=1', 'foo=2'], 'foo=1'],
  ['parent', 'MUST', 'Tracestate Header', 'A broken tracestate does not touch the parent.', ['foo'], ''],
  ['discard', 'MAY', model, 'A broken tracestate is discarded as a whole.', ['foo=1,b@r=2,BAD=3'], ''],
]

const names: readonly Requirement[] = [
  ...['TRACESTATE', 'TraceState', 'tRaCeStAtE'].map((spelling) => ({
    ...row([`name.case.${spelling}`, 'MUST', 'Header Name', 'The name has no case.', [], 'foo=1']),
    incoming: [['traceparent', validTraceparent] as const, [spelling, 'foo=1'] as const],
  })),
  ...['trace-state', 'trace.state', 'x-tracestate'].map((spelling) => ({
    ...row([`name.other.${spelling}`, 'MUST', 'Header Name', 'The name is one word.', [], '']),
    incoming: [['traceparent', validTraceparent] as const, [spelling, 'foo=1'] as const],
  })),
]

/** All about received and forwarded `tracestate`. */
export const tracestateRequirements: readonly Requirement[] = [...rows.map(row), ...names]

/** A change of a list by us. */
export interface Mutation {
  readonly id: string
  readonly section: string
  readonly text: string
  readonly state: string
  /** Undefined: the member is deleted. */
  readonly change: readonly [key: string, value: string | undefined]
  readonly expect: string
}

/** All about members that a process adds, changes and deletes. */
export const mutationRequirements: readonly Mutation[] = [
  {
    id: 'add',
    section: mutating,
    text: 'A new member comes first.',
    state: 'foo=1,bar=2',
    change: ['ot', 'th:0'],
    expect: 'ot=th:0,foo=1,bar=2',
  },
  {
    id: 'add.empty',
    section: mutating,
    text: 'Also into an empty list.',
    state: '',
    change: ['ot', 'th:0'],
    expect: 'ot=th:0',
  },
  {
    id: 'change',
    section: mutating,
    text: 'A changed member moves to the left, others keep their order.',
    state: 'foo=1,ot=th:8,bar=2',
    change: ['ot', 'th:0'],
    expect: 'ot=th:0,foo=1,bar=2',
  },
  {
    id: 'change.last',
    section: mutating,
    text: 'Also from the end.',
    state: 'foo=1,ot=th:8',
    change: ['ot', 'th:0'],
    expect: 'ot=th:0,foo=1',
  },
  {
    id: 'change.only',
    section: mutating,
    text: 'A key is never there twice.',
    state: 'ot=th:8',
    change: ['ot', 'th:0'],
    expect: 'ot=th:0',
  },
  {
    id: 'change.similar',
    section: mutating,
    text: 'A key that only ends alike is another one.',
    state: 'foot=1,a@ot=2',
    change: ['ot', 'th:0'],
    expect: 'ot=th:0,foot=1,a@ot=2',
  },
  {
    id: 'delete',
    section: mutating,
    text: 'A deleted member leaves the others as they were.',
    state: 'foo=1,ot=th:8,bar=2',
    change: ['ot', undefined],
    expect: 'foo=1,bar=2',
  },
  {
    id: 'delete.first',
    section: mutating,
    text: 'Also at the front.',
    state: 'ot=th:8,bar=2',
    change: ['ot', undefined],
    expect: 'bar=2',
  },
  {
    id: 'delete.last',
    section: mutating,
    text: 'Also at the end.',
    state: 'bar=2,ot=th:8',
    change: ['ot', undefined],
    expect: 'bar=2',
  },
  {
    id: 'delete.missing',
    section: mutating,
    text: 'What is not there changes nothing.',
    state: 'bar=2',
    change: ['ot', undefined],
    expect: 'bar=2',
  },
  {
    id: 'full',
    section: values,
    text: 'A 33rd member pushes out the right-most.',
    state: members(1, 32),
    change: ['ot', 'th:0'],
    expect: `ot=th:0,${members(1, 31)}`,
  },
  {
    id: 'full.change',
    section: values,
    text: 'A changed one does not.',
    state: `${members(1, 31)},ot=1`,
    change: ['ot', 'th:0'],
    expect: `ot=th:0,${members(1, 31)}`,
  },
  {
    id: 'invalid.key',
    section: key,
    text: 'An invalid key is not written.',
    state: 'foo=1',
    change: ['OT', 'th:0'],
    expect: 'foo=1',
  },
  {
    id: 'invalid.value',
    section: value,
    text: 'An invalid value is not written.',
    state: 'foo=1',
    change: ['ot', 'a,b'],
    expect: 'foo=1',
  },
  {
    id: 'invalid.blank',
    section: value,
    text: 'A value does not end in a space.',
    state: 'foo=1',
    change: ['ot', 'a '],
    expect: 'foo=1',
  },
]
