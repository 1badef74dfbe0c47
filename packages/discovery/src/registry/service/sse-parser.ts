// Server-sent events out of bytes, as the HTML standard has it: https://html.spec.whatwg.org/multipage/server-sent-events.html,
// "Parsing an event stream" and "Interpreting an event stream". A pure machine: bytes in, events out, wherever they were cut.
// Invariant: it holds at most `maxChars` characters of an event that is not complete; beyond that it throws, once and for all.
import { senseless } from './wire.ts'

/** One event. */
export interface ServerSentEvent {
  /** 'message' where the stream names none. */
  readonly type: string
  readonly data: string
  /** The last id that the stream gave, with this event or before it; '' when there was none. */
  readonly lastEventId: string
}

const lineFeed = 10
const carriageReturn = 13
/** A view of twenty thousand instances fits. */
const defaultMaxChars = 16 * 1024 * 1024

/**
 * Reads one stream.
 *
 * @example
 * const parser = new SseParser()
 * for await (const chunk of body) for (const event of parser.push(chunk)) use(event.type, event.data)
 */
export class SseParser {
  // It drops one byte order mark at the beginning, and holds a character that was cut.
  readonly #decoder = new TextDecoder('utf-8')
  readonly #maxChars: number
  /** The line that is not complete, in the pieces in which it came: joined once, so that a long one costs its length only. */
  #line: string[] = []
  #lineChars = 0
  #skipsLineFeed = false
  #type = ''
  #data: string[] = []
  #dataChars = 0
  #idBuffer = ''
  #lastEventId = ''

  constructor(maxChars: number = defaultMaxChars) {
    this.#maxChars = maxChars
  }

  /** The id to come back with, '' when there is none: that of the last event, or of a block that had nothing but an id. */
  get lastEventId(): string {
    return this.#lastEventId
  }

  /** The events that are complete with these bytes. Throws `SG_REGISTRY_ANSWER` when one is too large. */
  push(bytes: Uint8Array): readonly ServerSentEvent[] {
    const events: ServerSentEvent[] = []
    const text = this.#decoder.decode(bytes, { stream: true })
    let from = 0
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code !== lineFeed && code !== carriageReturn) {
        this.#skipsLineFeed = false
        continue
      }
      const isSecondHalf = code === lineFeed && this.#skipsLineFeed
      this.#skipsLineFeed = code === carriageReturn
      if (!isSecondHalf) this.#endLine(text.slice(from, at), events)
      from = at + 1
    }
    this.#keep(text.slice(from))
    return events
  }

  #keep(piece: string): void {
    if (piece === '') return
    this.#line.push(piece)
    this.#lineChars += piece.length
    this.#bound()
  }

  #bound(): void {
    if (this.#lineChars + this.#dataChars > this.#maxChars)
      throw senseless(`made of events of at most ${this.#maxChars} characters`)
  }

  #endLine(rest: string, events: ServerSentEvent[]): void {
    this.#keep(rest)
    const line = this.#line.join('')
    this.#line = []
    this.#lineChars = 0
    if (line === '') return this.#dispatch(events)
    const colon = line.indexOf(':')
    // A comment: nothing but a sign of life.
    if (colon === 0) return
    if (colon < 0) return this.#field(line, '')
    this.#field(line.slice(0, colon), line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1))
  }

  #field(name: string, value: string): void {
    if (name === 'event') this.#type = value
    else if (name === 'data') {
      this.#data.push(value)
      this.#dataChars += value.length + 1
      this.#bound()
    } else if (name === 'id' && !value.includes('\0')) this.#idBuffer = value
    // `retry` is not obeyed: how long to wait is decided by who waits. Everything else is ignored, as the standard demands.
  }

  #dispatch(events: ServerSentEvent[]): void {
    this.#lastEventId = this.#idBuffer
    // A block without `data` is no event, but its id counts; one `data` without a value is an event of an empty text.
    if (this.#data.length > 0)
      events.push({ type: this.#type || 'message', data: this.#data.join('\n'), lastEventId: this.#lastEventId })
    this.#type = ''
    this.#data = []
    this.#dataChars = 0
  }
}
