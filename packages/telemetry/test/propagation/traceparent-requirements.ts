// The requirements about `traceparent` in W3C Trace Context level 2, as data. Sections are named by their headings.
import { type Expectation, parentId, type Requirement, traceId, validTraceparent } from './requirement.ts'

const continues: Expectation = { continues: true }
const restarts: Expectation = { continues: false, tracestate: '' }
const state = 'rojo=1'

/** A row whose request has one `traceparent`, and a `tracestate` that must go with it or fall with it. */
function row(
  id: string,
  level: Requirement['level'],
  section: string,
  text: string,
  traceparent: string,
  expect: Expectation,
): Requirement {
  const expected = expect.continues ? { tracestate: state, ...expect } : expect
  const incoming = [
    ['traceparent', traceparent],
    ['tracestate', state],
  ] as const
  return { id: `traceparent.${id}`, level, section, text, incoming, expect: expected, calls: 1 }
}

const name = 'Header Name'
const version = 'version'
const versioning = 'Versioning of traceparent'
const trace = 'trace-id'
const parent = 'parent-id'
const flags = 'trace-flags'
const random = 'Random Trace ID Flag'
const model = 'A traceparent is Received'
const mutating = 'Mutating the traceparent Field'
const later = `-${traceId}-${parentId}-01`

const named: readonly Requirement[] = ['TRACEPARENT', 'TraceParent', 'tRaCePaReNt'].map((spelling) => ({
  ...row(`name.case.${spelling}`, 'MUST', name, 'The name has no case.', validTraceparent, continues),
  incoming: [[spelling, validTraceparent]],
  expect: { continues: true, tracestate: '' },
}))

const misnamed: readonly Requirement[] = ['trace-parent', 'trace.parent', 'x-traceparent'].map((spelling) => ({
  ...row(`name.other.${spelling}`, 'MUST', name, 'The name is one word; others are other headers.', '', restarts),
  incoming: [[spelling, validTraceparent]],
}))

const broken: readonly Requirement[] = (
  [
    ['trace-id.zero', 'MUST', trace, 'Zeros only are no trace id.', `00-${'0'.repeat(32)}-${parentId}-01`],
    [
      'trace-id.character',
      'MUST',
      trace,
      'A trace id is of hexadecimal digits.',
      `00-.${traceId.slice(1)}-${parentId}-01`,
    ],
    ['trace-id.last', 'MUST', trace, 'All 32 characters are digits.', `00-${traceId.slice(1)}.-${parentId}-01`],
    ['trace-id.upper', 'MUST', trace, 'Digits are lower-case.', `00-${traceId.toUpperCase()}-${parentId}-01`],
    ['trace-id.long', 'MUST', trace, 'A trace id has 32 digits, not 33.', `00-${traceId}0-${parentId}-01`],
    ['trace-id.short', 'MUST', trace, 'A trace id has 32 digits, not 31.', `00-${traceId.slice(1)}-${parentId}-01`],
    ['parent-id.zero', 'MUST', parent, 'Zeros only are no parent id.', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['parent-id.character', 'MUST', parent, 'A parent id is of digits.', `00-${traceId}-.${parentId.slice(1)}-01`],
    ['parent-id.upper', 'MUST', parent, 'Digits are lower-case.', `00-${traceId}-${parentId.toUpperCase()}-01`],
    ['parent-id.long', 'MUST', parent, 'A parent id has 16 digits, not 17.', `00-${traceId}-${parentId}0-01`],
    ['parent-id.short', 'MUST', parent, 'A parent id has 16 digits, not 15.', `00-${traceId}-${parentId.slice(1)}-01`],
    ['flags.character', 'MUST', model, 'Flags that are no digits break the header.', `00-${traceId}-${parentId}-.0`],
    ['flags.last', 'MUST', model, 'Both characters of the flags are digits.', `00-${traceId}-${parentId}-0.`],
    ['flags.upper', 'MUST', model, 'Digits are lower-case.', `00-${traceId}-${parentId}-0A`],
    ['flags.long', 'MUST', model, 'Flags have two digits, not three.', `00-${traceId}-${parentId}-001`],
    ['flags.short', 'MUST', model, 'Flags have two digits, not one.', `00-${traceId}-${parentId}-1`],
    ['flags.missing', 'MUST', model, 'Flags cannot be left out.', `00-${traceId}-${parentId}`],
    ['version.ff', 'MUST', version, 'The version 255 is forbidden.', `ff${later}`],
    ['version.character', 'MUST', versioning, 'A version is of two digits.', `.0${later}`],
    ['version.character.last', 'MUST', versioning, 'A version is of two digits.', `0.${later}`],
    ['version.upper', 'MUST', version, 'Digits are lower-case.', `CC${later}`],
    ['version.long', 'MUST', versioning, 'A version has two digits, not three.', `000${later}`],
    ['version.longer', 'MUST', versioning, 'A version has two digits, not four.', `0000${later}`],
    ['version.short', 'MUST', versioning, 'A version has two digits, not one.', `0${later}`],
    ['version.missing', 'MUST', versioning, 'A version cannot be left out.', `${traceId}-${parentId}-01`],
    ['version.00.dot', 'MUST', version, 'Version 00 ends behind its flags.', `${validTraceparent}.`],
    ['version.00.more', 'MUST', version, 'Version 00 has no more fields.', `${validTraceparent}-what-comes-later`],
    ['version.00.dash', 'MUST', version, 'Nor does it have an empty one.', `${validTraceparent}-`],
    ['dash.first', 'MUST', version, 'Fields are divided by dashes.', `00_${traceId}-${parentId}-01`],
    ['dash.second', 'MUST', version, 'Fields are divided by dashes.', `00-${traceId}_${parentId}-01`],
    ['dash.third', 'MUST', version, 'Fields are divided by dashes.', `00-${traceId}-${parentId}_01`],
    ['empty', 'MUST', model, 'An empty header is as good as none.', ''],
    [
      'later.short',
      'MUST',
      versioning,
      'Of a later version, less than 55 characters are not read.',
      `cc-${traceId}-${parentId}-1`,
    ],
    ['later.dot', 'MUST', versioning, 'Later fields come behind a dash.', `cc${later}.what-comes-later`],
    [
      'later.trace-id',
      'MUST',
      versioning,
      'Ids are checked in a later version too.',
      `cc-.${traceId.slice(1)}-${parentId}-01`,
    ],
    [
      'later.parent-id',
      'MUST',
      versioning,
      'Ids are checked in a later version too.',
      `cc-${traceId}-.${parentId.slice(1)}-01`,
    ],
    ['later.flags', 'MUST', versioning, 'Flags are checked in a later version too.', `cc-${traceId}-${parentId}-.1`],
    [
      'later.zero',
      'MUST',
      versioning,
      'Zero ids are invalid in a later version too.',
      `cc-${'0'.repeat(32)}-${parentId}-01`,
    ],
  ] as const
).map(([id, level, section, text, value]) => row(id, level, section, text, value, restarts))

const sound: readonly Requirement[] = (
  [
    ['later', 'SHOULD', versioning, 'A later version is read like 00, and 00 is sent on.', `cc${later}`, {}],
    ['later.01', 'SHOULD', versioning, 'A later version is read like 00.', `01${later}`, {}],
    ['later.fe', 'SHOULD', versioning, 'The last version that may come is read like 00.', `fe${later}`, {}],
    ['later.more', 'MUST', versioning, 'Nothing is assumed about later fields.', `cc${later}-what-comes-later`, {}],
    ['later.more.empty', 'MUST', versioning, 'Not even that there are any.', `cc${later}-`, {}],
    [
      'later.flags.unknown',
      'MUST',
      model,
      'Unknown flags of a later version are sent as zeros.',
      `cc-${traceId}-${parentId}-fd`,
      { sampled: true, random: false },
    ],
    [
      'flags.sampled',
      'SHOULD',
      'Sampled flag',
      'The flag of the caller is respected.',
      validTraceparent,
      { sampled: true },
    ],
    [
      'flags.unsampled',
      'SHOULD',
      'Sampled flag',
      'So is its absence.',
      `00-${traceId}-${parentId}-00`,
      { sampled: false },
    ],
    [
      'flags.bits',
      'MUST',
      flags,
      'Flags are bits and not a number: sampled and random.',
      `00-${traceId}-${parentId}-03`,
      { sampled: true, random: true },
    ],
    [
      'flags.unknown',
      'MUST',
      'Other Flags',
      'Other flags are sent as zeros.',
      `00-${traceId}-${parentId}-fc`,
      { sampled: false, random: false },
    ],
    [
      'flags.all',
      'MUST',
      'Other Flags',
      'Known flags are kept when unknown ones are not.',
      `00-${traceId}-${parentId}-ff`,
      { sampled: true, random: true },
    ],
    [
      'random.set',
      'MUST',
      random,
      'The flag "random" stays with its trace.',
      `00-${traceId}-${parentId}-02`,
      { random: true },
    ],
    [
      'random.unset',
      'MUST',
      random,
      'It is not invented for the trace of somebody else.',
      validTraceparent,
      { random: false },
    ],
    ['parent-id.renewed', 'MUST', model, 'A call carries the id of the operation that makes it.', validTraceparent, {}],
    [
      'space.before',
      'MUST',
      'traceparent Header Field Values',
      'White space before a value is none of it.',
      ` ${validTraceparent}`,
      {},
    ],
    [
      'space.after',
      'MUST',
      'traceparent Header Field Values',
      'Nor is white space behind it.',
      `${validTraceparent} `,
      {},
    ],
    ['space.tabs', 'MUST', 'traceparent Header Field Values', 'Tabs are white space.', `\t ${validTraceparent} \t`, {}],
    [
      'send',
      'MUST',
      mutating,
      'What is received is sent on, changed only as allowed.',
      validTraceparent,
      { sampled: true, random: false },
    ],
  ] as const
).map(([id, level, section, text, value, more]) => row(id, level, section, text, value, { ...continues, ...more }))

const withoutParent: readonly Requirement[] = [
  {
    ...row('missing', 'SHOULD', 'No traceparent Received', 'Without a parent a trace begins.', '', restarts),
    incoming: [],
  },
  {
    ...row('missing.random', 'SHOULD', random, 'A new trace id is random, and says so.', '', restarts),
    incoming: [],
    expect: { ...restarts, random: true },
  },
  {
    ...row('broken.random', 'SHOULD', random, 'So is that of a restarted trace.', '', restarts),
    incoming: [['traceparent', `00-${'0'.repeat(32)}-${parentId}-00`]],
    expect: { ...restarts, random: true },
  },
  {
    ...row('missing.state', 'MUST', 'No traceparent Received', 'A tracestate alone is discarded.', '', restarts),
    incoming: [['tracestate', 'rojo=1,congo=2']],
  },
  {
    ...row('twice', 'MUST', 'traceparent Header Field Values', 'Two headers are no parent.', '', restarts),
    incoming: [
      ['traceparent', validTraceparent],
      ['traceparent', `00-${traceId}-b7ad6b7169203331-01`],
      ['tracestate', state],
    ],
  },
  {
    ...row('twice.same', 'MUST', 'traceparent Header Field Values', 'Nor are two that are the same.', '', restarts),
    incoming: [
      ['traceparent', validTraceparent],
      ['traceparent', validTraceparent],
    ],
  },
]

const repeated: readonly Requirement[] = [
  { ...row('calls', 'MUST', model, 'Every call has a parent id of its own.', validTraceparent, continues), calls: 3 },
  { ...row('calls.missing', 'MUST', model, 'Also in a new trace.', '', restarts), incoming: [], calls: 3 },
  {
    ...row('calls.broken', 'MUST', model, 'Also in a restarted one.', `00-${'0'.repeat(32)}-${parentId}-01`, restarts),
    calls: 3,
  },
]

/** All about `traceparent`. */
export const traceparentRequirements: readonly Requirement[] = [
  ...named,
  ...misnamed,
  ...broken,
  ...sound,
  ...withoutParent,
  ...repeated,
]
