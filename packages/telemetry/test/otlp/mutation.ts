// Requests of every shape, and what becomes of them on a bad day: bytes that are changed, lost, doubled, or come from elsewhere.
import type { Dice } from '../long-run.ts'
import { jsonBody, jsonRequest, jsonSpan, protobufBody } from './ingest-requests.ts'

const texts = [
  '',
  'a',
  'http.route',
  'été 😀',
  '"\\\n',
  'x'.repeat(300),
  '__proto__',
  'service.name',
  '\u0000',
  '[["x"]]',
]

function anyValue(dice: Dice, depth: number): object {
  switch (dice.below(depth > 0 ? 7 : 5)) {
    case 0:
      return { stringValue: dice.pick(texts) }
    case 1:
      return { boolValue: dice.chance(0.5) }
    case 2:
      return {
        intValue: dice.pick(['0', '-1', '42', '9007199254740993', '-9223372036854775808', '9223372036854775807']),
      }
    case 3:
      return { doubleValue: dice.pick([0.5, 1e300, 5e-324, 3, -0.25]) }
    case 4:
      return {}
    case 5:
      return { arrayValue: { values: Array.from({ length: dice.below(4) }, () => anyValue(dice, depth - 1)) } }
    default:
      return { kvlistValue: { values: attributes(dice, 4, depth - 1) } }
  }
}

function attributes(dice: Dice, most: number, depth = 4): object[] {
  return Array.from({ length: dice.below(most) }, () => ({ key: dice.pick(texts), value: anyValue(dice, depth) }))
}

const hexId = (dice: Dice, digits: number): string =>
  dice.chance(0.05) ? '0'.repeat(digits) : Array.from({ length: digits }, () => dice.below(16).toString(16)).join('')

function anySpan(dice: Dice): object {
  const start = 1_700_000_000_000_000_000n + BigInt(dice.below(2 ** 31)) * 1000n + BigInt(dice.below(4)) * 250n
  const parts = {
    traceId: hexId(dice, 32),
    spanId: hexId(dice, 16),
    parentSpanId: dice.chance(0.3) ? '' : hexId(dice, 16),
    traceState: dice.pick(['', 'a=b', 'ot=th:8', 'x'.repeat(100)]),
    flags: dice.pick([0, 1, 3, 0x101, 0x301, 0xffff_ffff]),
    name: dice.pick(texts),
    kind: dice.below(7),
    startTimeUnixNano: dice.chance(0.03) ? '0' : start.toString(),
    endTimeUnixNano: (start + BigInt(dice.below(2 ** 31)) - 1000n).toString(),
    attributes: attributes(dice, 8),
    events: Array.from({ length: dice.below(4) }, () => ({
      timeUnixNano: start.toString(),
      name: dice.pick(texts),
      attributes: attributes(dice, 3),
    })),
    links: Array.from({ length: dice.below(4) }, () => ({
      traceId: hexId(dice, 32),
      spanId: hexId(dice, 16),
      traceState: dice.pick(['', 'k=v']),
      attributes: attributes(dice, 3),
      flags: dice.pick([0, 0x301]),
    })),
    status: dice.pick([{}, { code: 0 }, { code: 1 }, { code: 2, message: 'broke' }]),
  }
  return dice.chance(0.2) ? jsonSpan() : parts
}

/** A request as a sender of the official schema writes it; `json` says how. */
export function request(dice: Dice, json: boolean): Buffer {
  const made = jsonRequest(...Array.from({ length: dice.below(5) }, () => anySpan(dice)))
  return Buffer.from(json ? jsonBody(made) : protobufBody(made))
}

/** What tends to break decoders: signs, lengths beyond the end, marks of JSON. */
const oddBytes = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x22, 0x5b, 0x5d, 0x7b, 0x7d, 0x2c, 0x0a, 0x12, 0x08, 0xc0, 0xed]
const oddTexts = [
  'null',
  '-1',
  '1e999',
  '[]',
  '{}',
  '"',
  '18446744073709551616',
  '{"values":[',
  'true',
  '"NaN"',
  '\\ud800',
  '0.5',
]
const depths = '[{"arrayValue":{"values":'

/** One more thing wrong with `body`; `other` is where foreign bytes come from. */
export function mutated(dice: Dice, body: Buffer, other: Buffer, json: boolean): Buffer {
  const at = dice.below(body.length + 1)
  const to = Math.min(body.length, at + dice.below(40))
  const put = (bytes: Uint8Array, upTo = at): Buffer =>
    Buffer.concat([body.subarray(0, at), bytes, body.subarray(upTo)])
  switch (dice.below(8)) {
    case 0: {
      const changed = Buffer.from(body)
      if (at < body.length)
        changed[at] = dice.chance(0.5) ? dice.pick(oddBytes) : (changed[at] ?? 0) ^ (1 << dice.below(8))
      return changed
    }
    case 1:
      return body.subarray(0, at)
    case 2:
      return put(Buffer.alloc(0), to)
    case 3:
      return put(body.subarray(at, to))
    case 4: {
      const from = dice.below(other.length + 1)
      return put(other.subarray(from, from + dice.below(200)), dice.chance(0.5) ? to : at)
    }
    case 5:
      return put(Buffer.from(Array.from({ length: 1 + dice.below(12) }, () => dice.pick(oddBytes))))
    case 6:
      return json ? put(Buffer.from(dice.pick(oddTexts)), dice.chance(0.5) ? to : at) : put(Buffer.alloc(10, 0xff))
    default:
      return json && dice.chance(0.05)
        ? put(Buffer.from(depths.repeat(dice.below(500))))
        : put(Buffer.from([dice.below(256)]), to)
  }
}
