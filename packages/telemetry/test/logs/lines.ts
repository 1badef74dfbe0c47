// What the tests of this folder share: the lines that a real pino has written, as objects.
import { Writable } from 'node:stream'
import { type Logger, type LoggerOptions, pino } from 'pino'

/** A pino whose lines can be read. */
export class Lines {
  readonly texts: string[] = []
  readonly logger: Logger

  constructor(options: LoggerOptions) {
    const sink = new Writable({
      write: (chunk, _, done) => {
        this.texts.push(String(chunk))
        done()
      },
    })
    this.logger = pino({ base: null, timestamp: false, ...options }, sink)
  }

  get all(): Record<string, unknown>[] {
    return this.texts.map((text) => JSON.parse(text) as Record<string, unknown>)
  }
}
