// A span while it runs: what instrumentations and users of the OpenTelemetry API write to. When it ends it is copied into
// a block and is garbage. Invariant: after its end nothing changes any more, and it is recorded at most once. A span that
// is not recorded only carries ids on; every other call on it does nothing.
import {
  type Attributes as ApiAttributes,
  createTraceState,
  type Exception,
  type Link,
  type Span as ApiSpan,
  type SpanContext,
  type SpanStatus,
  type TimeInput,
} from '@opentelemetry/api'

import type { AttributeSet } from './attribute-set.ts'
import { cleanAttributes, cleanValue, entriesOf, nameOf, shortened } from './attributes.ts'
import { exceptionAttributes } from './exception.ts'
import { hexOfWord } from './ids.ts'
import type { SpanIds } from './parent.ts'
import type { FinishedSpan, Recorder } from './recorder.ts'
import type { Attributes, AttributeValue, InstrumentationScope, SpanLink } from './span-data.ts'
import { linkOf } from './span-link.ts'
import { SpanNotes } from './span-notes.ts'
import { isTime, monotonicMs } from './span-times.ts'

const unset = 0
const ok = 1
const failed = 2

/**
 * A span of ours. Made by `Tracer.start`.
 *
 * @example
 * const span = tracer.start(scope, 'charge', 0, activeContext().span as Span, clock.now())
 * span.set('shop.order', order.id)
 * span.finish(clock.now())
 */
export class Span implements ApiSpan, FinishedSpan {
  readonly traceA: number
  readonly traceB: number
  readonly traceC: number
  readonly traceD: number
  readonly parentA: number
  readonly parentB: number
  readonly flags: number
  readonly kind: number
  /** False: not sampled at the head; only its ids matter. */
  readonly recording: boolean
  readonly scope: InstrumentationScope
  readonly startMs: number
  readonly traceState: string
  name: string
  /** Index into `statuses`. Instrumentations call `fail`; `ok` is for applications. */
  status: number = unset
  endMs = 0
  /** Attributes this span has in common with others; set directly. They do not count towards the limit. */
  shared: AttributeSet | undefined = undefined
  sharedMore: AttributeSet | undefined = undefined
  own: (string | AttributeValue)[] | undefined = undefined
  details: SpanNotes | undefined = undefined
  readonly #recorder: Recorder
  #ended = false
  #idA = 0
  #idB = 0
  #traceText: string | undefined
  #spanText: string | undefined = undefined
  #context: SpanContext | undefined = undefined

  constructor(
    recorder: Recorder,
    scope: InstrumentationScope,
    name: string,
    kind: number,
    startMs: number,
    above: SpanIds,
    flags: number,
    traceState: string,
    recording: boolean,
    traceText: string | undefined,
  ) {
    this.traceA = above.traceA
    this.traceB = above.traceB
    this.traceC = above.traceC
    this.traceD = above.traceD
    this.parentA = above.spanA
    this.parentB = above.spanB
    this.flags = flags
    this.kind = kind
    this.recording = recording
    this.scope = scope
    this.startMs = startMs
    this.traceState = traceState
    this.name = name
    this.#recorder = recorder
    this.#traceText = traceText
  }

  /** A span below this one in the same process: it shares what was decided for this one. */
  child(recorder: Recorder, scope: InstrumentationScope, name: string, kind: number, startMs: number): Span {
    const flags = (this.flags & 0xff) | 0x100
    const { traceState, recording } = this
    return new Span(recorder, scope, name, kind, startMs, this, flags, traceState, recording, this.#traceText)
  }

  // A span that is not recorded rarely needs an id of its own, and random words are dear; so it is made when asked for.
  get spanA(): number {
    if (this.#idA === 0) this.#makeId()
    return this.#idA
  }

  get spanB(): number {
    if (this.#idA === 0) this.#makeId()
    return this.#idB
  }

  #makeId(): void {
    this.#idA = this.#recorder.ids.word()
    this.#idB = this.#recorder.ids.word()
  }

  /** 32 hex digits. */
  traceIdHex(): string {
    return (this.#traceText ??=
      hexOfWord(this.traceA) + hexOfWord(this.traceB) + hexOfWord(this.traceC) + hexOfWord(this.traceD))
  }

  /** 16 hex digits. */
  spanIdHex(): string {
    return (this.#spanText ??= hexOfWord(this.spanA) + hexOfWord(this.spanB))
  }

  /** Sets an attribute without looking at it: for instrumentations that know what they set. The limits hold. */
  set(key: string, value: AttributeValue): void {
    if (!this.recording || this.#ended) return
    const { attributeCount, attributeValueLength } = this.#recorder.limits
    const kept = attributeValueLength === Infinity ? value : (cleanValue(value, attributeValueLength) ?? value)
    const own = this.own
    if (own === undefined) {
      if (attributeCount === 0) this.#notes().droppedAttributes++
      else this.own = [key, kept]
      return
    }
    for (let index = 0; index < own.length; index += 2) {
      if (own[index] === key) {
        own[index + 1] = kept
        return
      }
    }
    if (own.length >= 2 * attributeCount) this.#notes().droppedAttributes++
    else own.push(key, kept)
  }

  /** Marks the span as failed, unless an application said it is ok. `errorType` must be one of few values. */
  fail(errorType: string, message = ''): void {
    if (!this.recording || this.#ended || this.status === ok) return
    this.set('error.type', errorType)
    this.#settle(failed, message)
  }

  /** Adds an event at `atMs` (monotonic) without looking at the attributes: for instrumentations. The limits of count and length hold. */
  event(name: string, attributes: Attributes | undefined, atMs: number): void {
    if (!this.recording || this.#ended) return
    const { limits } = this.#recorder
    const isFree = attributes === undefined || limits.attributeValueLength === Infinity
    const kept = isFree ? attributes : shortened(attributes, limits.attributeValueLength)
    this.#notes().addEvent(name, kept ?? noAttributes, 0, atMs, limits)
  }

  /** Adds a link without looking at it: for instrumentations. The count limit holds. */
  link(link: SpanLink): void {
    if (this.recording && !this.#ended) this.#notes().addLink(link, this.#recorder.limits)
  }

  /** Ends the span at `atMs` (monotonic), but not before its start. Later calls are ignored. */
  finish(atMs: number): void {
    if (!this.recording || this.#ended) return
    this.#ended = true
    this.endMs = atMs < this.startMs ? this.startMs : atMs
    if (this.details === undefined && this.traceState !== '') this.details = new SpanNotes(this.traceState)
    this.#recorder.record(this)
  }

  date(epochMs: number): void {
    this.details?.date(epochMs)
  }

  // From here on the OpenTelemetry API. Its callers may be plain JavaScript: nothing they pass may make it throw.

  spanContext(): SpanContext {
    return (this.#context ??= this.#makeContext())
  }

  #makeContext(): SpanContext {
    const ids = { traceId: this.traceIdHex(), spanId: this.spanIdHex(), traceFlags: this.flags & 0xff }
    return this.traceState === '' ? ids : { ...ids, traceState: createTraceState(this.traceState) }
  }

  isRecording(): boolean {
    return this.recording && !this.#ended
  }

  setAttribute(key: string, value: unknown): this {
    if (!this.isRecording() || value === undefined) return this
    // `set` cuts what is too long.
    const clean = typeof key === 'string' && key !== '' ? cleanValue(value, Infinity) : undefined
    if (clean === undefined) this.#notes().droppedAttributes++
    else this.set(key, clean)
    return this
  }

  setAttributes(attributes: ApiAttributes): this {
    if (this.isRecording()) for (const [key, value] of entriesOf(attributes ?? {})) this.setAttribute(key, value)
    return this
  }

  addEvent(name: string, attributesOrTime?: ApiAttributes | TimeInput, time?: TimeInput): this {
    if (!this.isRecording()) return this
    const { limits } = this.#recorder
    const timed = isTime(attributesOrTime)
    const { attributes, dropped } = cleanAttributes(
      timed ? undefined : attributesOrTime,
      limits.attributePerEventCount,
      limits.attributeValueLength,
    )
    const atMs = monotonicMs(time ?? (timed ? attributesOrTime : undefined), this.#recorder)
    this.#notes().addEvent(nameOf(name), attributes, dropped, atMs, limits)
    return this
  }

  addLink(link: Link): this {
    if (!this.isRecording()) return this
    const made = linkOf(link, this.#recorder.limits)
    if (made === undefined) this.#notes().droppedLinks++
    else this.link(made)
    return this
  }

  addLinks(links: Link[]): this {
    if (Array.isArray(links)) for (const link of links) this.addLink(link)
    return this
  }

  setStatus(status: SpanStatus): this {
    const { code, message } = status ?? {}
    if (!this.isRecording() || this.status === ok) return this
    if (code === ok) this.#settle(ok, '')
    else if (code === failed) this.#settle(failed, typeof message === 'string' ? message : '')
    return this
  }

  updateName(name: string): this {
    if (this.isRecording()) this.name = nameOf(name)
    return this
  }

  end(time?: TimeInput): void {
    if (this.isRecording()) this.finish(monotonicMs(time, this.#recorder))
  }

  /** Adds the event `exception`. The message and the stack go into the trace as they are. */
  recordException(exception: Exception, time?: TimeInput): void {
    this.addEvent('exception', exceptionAttributes(exception), time)
  }

  #settle(status: number, message: string): void {
    this.status = status
    if (message !== '' || this.details !== undefined) this.#notes().statusMessage = message
  }

  #notes(): SpanNotes {
    return (this.details ??= new SpanNotes(this.traceState))
  }
}

const noAttributes: Attributes = Object.freeze({})
