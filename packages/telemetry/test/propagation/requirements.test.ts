import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { describe, it } from 'node:test'
import { ROOT_CONTEXT, trace } from '@opentelemetry/api'
import type { FieldReader } from '../../src/propagation/field-text.ts'
import { extract } from '../../src/propagation/inbound.ts'
import { Propagation } from '../../src/propagation/options.ts'
import { inject } from '../../src/propagation/outbound.ts'
import { HeaderPropagator, positionOf, spanContextOf } from '../../src/propagation/propagator.ts'
import { deleteMember, writeMember } from '../../src/propagation/tracestate.ts'
import type { RemoteParent } from '../../src/trace/parent.ts'
import { type HeaderPair, mutationRequirements, type Requirement, requirements, violations } from './requirements.ts'

const anyWord = (): number => randomInt(1, 2 ** 32) | 0

/** A span below the parent, or at the root of a new trace. */
function spanBelow(parent: RemoteParent | undefined): RemoteParent {
  const root = { traceA: anyWord(), traceB: anyWord(), traceC: anyWord(), traceD: anyWord(), flags: 3, traceState: '' }
  return { ...root, ...parent, spanA: anyWord(), spanB: anyWord() }
}

/** Header lines by name, as every adapter groups them. */
function grouped(incoming: readonly HeaderPair[]): Map<string, string[]> {
  const headers = new Map<string, string[]>()
  for (const [name, value] of incoming) {
    const lower = name.toLowerCase()
    headers.set(lower, [...(headers.get(lower) ?? []), value])
  }
  return headers
}

/** What processes that read and write headers do with a request; each gives the headers of its calls. */
const processes: Record<string, (requirement: Requirement) => HeaderPair[][]> = {
  'lines combined by node': ({ incoming, calls }) => {
    const headers = grouped(incoming)
    return answers((name) => headers.get(name)?.join(', '), calls)
  },
  'lines as a list': ({ incoming, calls }) => {
    const headers = grouped(incoming)
    return answers((name) => headers.get(name), calls)
  },
  "OpenTelemetry's API": ({ incoming, calls }) => {
    const propagator = new HeaderPropagator()
    const getter = {
      get: (carrier: unknown, name: string) => (carrier as Map<string, string[]>).get(name),
      keys: (carrier: unknown) => [...(carrier as Map<string, string[]>).keys()],
    }
    const context = propagator.extract(ROOT_CONTEXT, grouped(incoming), getter)
    const remote = trace.getSpanContext(context)
    const parent = remote === undefined ? undefined : positionOf(remote)
    return Array.from({ length: calls }, () => {
      const sent: HeaderPair[] = []
      const span = trace.setSpanContext(context, spanContextOf(spanBelow(parent)))
      propagator.inject(span, sent, { set: (_, name, value) => sent.push([name, value]) })
      return sent
    })
  },
}

function answers(read: FieldReader, calls: number): HeaderPair[][] {
  const propagation = new Propagation()
  const { parent } = extract(read, propagation)
  return Array.from({ length: calls }, () => {
    const sent: HeaderPair[] = []
    inject((name, value) => sent.push([name, value]), spanBelow(parent), undefined, propagation)
    return sent
  })
}

for (const [title, handle] of Object.entries(processes)) {
  describe(`requirements of W3C Trace Context, ${title}`, () => {
    for (const requirement of requirements) {
      it(`${requirement.id}: ${requirement.text}`, () => {
        assert.deepEqual(violations(requirement, handle(requirement)), [])
      })
    }
  })
}

describe('changes of tracestate', () => {
  for (const { id, text, state, change, expect } of mutationRequirements) {
    it(`${id}: ${text}`, () => {
      const [key, value] = change
      assert.equal(value === undefined ? deleteMember(state, key) : writeMember(state, key, value), expect)
    })
  }
})

describe('the table', () => {
  it('has no id twice', () => {
    const ids = requirements.map(({ id }) => id)
    assert.deepEqual(ids, [...new Set(ids)])
  })

  it('judges a process that passes everything on unread', () => {
    const wrong = requirements.filter((requirement) => violations(requirement, [requirement.incoming]).length > 0)
    // Not even the valid rows are right, because the parent id has to be renewed.
    assert.equal(wrong.length, requirements.length)
  })

  it('judges a process that begins a new trace always', () => {
    const sent: HeaderPair[] = [['traceparent', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-03`]]
    for (const requirement of requirements) {
      assert.equal(violations({ ...requirement, calls: 1 }, [sent]).length === 0, !requirement.expect.continues)
    }
  })
})
