// The other side of `child.ts`: what a program of this folder says to the test that started it. Invariant: it ends when the test
// that started it is gone, however that went.

/** What a test asks. */
export interface ToChild {
  readonly number: number
  readonly question: string
  readonly words: unknown
}

/** What a program says. */
export type FromChild =
  | { readonly kind: 'ready'; readonly words: Readonly<Record<string, unknown>> }
  | { readonly kind: 'answer'; readonly number: number; readonly words: unknown }
  | { readonly kind: 'news'; readonly words: unknown }

/** What it was started with. */
export function settings<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T
}

/** It serves; `answers` are for what it may be asked. */
export function ready(
  words: Readonly<Record<string, unknown>>,
  answers: Readonly<Record<string, (words: unknown) => unknown>> = {},
): void {
  process.on('message', ({ number, question, words: asked }: ToChild) => {
    void Promise.resolve(answers[question]?.(asked)).then((answer) => say({ kind: 'answer', number, words: answer }))
  })
  process.once('disconnect', () => process.exit())
  say({ kind: 'ready', words })
}

/** Tells something unasked. Resolves when it has been handed over. */
export function tell(words: unknown): Promise<void> {
  return new Promise((resolve) => void process.send?.({ kind: 'news', words } satisfies FromChild, () => resolve()))
}

/** It has nothing more to say: from now on it ends by itself when nothing else is left. */
export function leave(): void {
  process.removeAllListeners('disconnect')
  process.disconnect?.()
}

function say(message: FromChild): void {
  process.send?.(message)
}
