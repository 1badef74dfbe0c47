// A stream of JSON values, one a line, cut into chunks anywhere, also within a character. Invariant: it never holds more than one line
// of at most `most` bytes. A last line without its end is what a broken connection leaves; it is nothing.
/** A line is longer than it may be, or no JSON. `line` is the beginning of it, where it is no JSON. */
export class BadLine extends Error {
  readonly line: string

  constructor(message: string, line: string, options?: ErrorOptions) {
    super(message, options)
    this.line = line
  }
}

const newline = 0x0a

/**
 * The values of a stream. Throws `BadLine`.
 *
 * @example
 * for await (const event of jsonLines(answer.body, 4 * 1024 * 1024)) learn(event)
 */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<unknown, void, void> {
  let held: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    let from = 0
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      held.push(chunk.subarray(from, at))
      bounded(size + at - from, most)
      const line = Buffer.concat(held).toString('utf8')
      held = []
      size = 0
      from = at + 1
      if (line.trim() !== '') yield parsed(line)
    }
    if (from < chunk.length) held.push(chunk.subarray(from))
    size += chunk.length - from
    bounded(size, most)
  }
}

function bounded(size: number, most: number): void {
  if (size > most) throw new BadLine(`a line of more than ${most} bytes`, '')
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw new BadLine('a line that is no JSON', line.slice(0, 1000), { cause })
  }
}
