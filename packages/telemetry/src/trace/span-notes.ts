// What only few spans have: events, links, a message, counts of what was dropped. Made when the first of it comes, so that
// all other spans pay one field. Invariant: never more entries than the limits; what goes beyond is counted.
import type { CompleteLimits } from './limits.ts'
import type { SpanDetails } from './span-block.ts'
import type { Attributes, SpanLink } from './span-data.ts'

/** An event whose time is monotonic milliseconds until its span ends. */
interface Note {
  readonly name: string
  timeMicros: number
  readonly attributes: Attributes
  readonly droppedAttributes: number
}

/** Details of a span that has not ended. */
export class SpanNotes implements SpanDetails {
  traceState: string
  statusMessage = ''
  readonly events: Note[] = []
  readonly links: SpanLink[] = []
  droppedAttributes = 0
  droppedEvents = 0
  droppedLinks = 0

  constructor(traceState: string) {
    this.traceState = traceState
  }

  /** Beyond the limit the oldest goes: what happened last, an exception above all, says more. */
  addEvent(
    name: string,
    attributes: Attributes,
    droppedAttributes: number,
    atMs: number,
    limits: CompleteLimits,
  ): void {
    if (this.events.length >= limits.eventCount) {
      this.droppedEvents++
      if (this.events.shift() === undefined) return
    }
    this.events.push({ name, timeMicros: atMs, attributes, droppedAttributes })
  }

  /** Beyond the limit the new one is dropped: those given at the start are the reasons for the span. */
  addLink(link: SpanLink, limits: CompleteLimits): void {
    if (this.links.length < limits.linkCount) this.links.push(link)
    else this.droppedLinks++
  }

  /** Dates the events with the offset that dates their span, so that a wall clock that was set cannot part them. */
  date(epochMs: number): void {
    for (const event of this.events) event.timeMicros = (epochMs + event.timeMicros) * 1000
  }
}
