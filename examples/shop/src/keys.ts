// Single keys of a terminal, without Enter. It owns the raw mode of the input and always gives it back.

/** Whether there is somebody who could press a key. */
export function hasKeys(input: NodeJS.ReadStream): boolean {
  return input.isTTY === true
}

/** Calls `onKey` for every key; the answer gives the terminal back. Ctrl-C arrives as 'q'. */
export function listenKeys(input: NodeJS.ReadStream, onKey: (key: string) => void): () => void {
  const hear = (data: string): void => {
    for (const key of data) onKey(key === '\u0003' || key === '\u0004' ? 'q' : key)
  }
  input.setRawMode(true)
  input.setEncoding('utf8')
  input.on('data', hear)
  input.resume()
  return () => {
    input.off('data', hear)
    input.setRawMode(false)
    input.pause()
  }
}
