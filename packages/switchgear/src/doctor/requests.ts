// Requests to a command that was just started: the first answer is waited for, because a server takes its time to listen.
import { setTimeout as sleep } from 'node:timers/promises'

/** What came of the requests to one address. */
export interface Requested {
  readonly url: string
  /** Answers by status. */
  readonly answers: Readonly<Record<number, number>>
  /** Why the last one that failed did; undefined when none did after the first answer. */
  readonly failure: string | undefined
}

const times = 5
const againMs = 250
const patienceMs = 5000

/** Requests an address until it answers, then a few times more; gives up when `signal` is aborted. */
export async function requested(url: string, signal: AbortSignal): Promise<Requested> {
  const answers: Record<number, number> = {}
  let failure: string | undefined
  for (let left = times; left > 0 && !signal.aborted;) {
    try {
      const each = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)])
      const response = await fetch(url, { redirect: 'manual', signal: each })
      await response.body?.cancel()
      answers[response.status] = (answers[response.status] ?? 0) + 1
      failure = undefined
      left--
    } catch (error) {
      if (!signal.aborted || failure === undefined) failure = reasonOf(error)
      // It may not listen yet. Once it has answered, a failure is one of the few requests.
      if (Object.keys(answers).length > 0) left--
      // The only error of a wait is that the signal ends it, which the loop looks at next.
      else await sleep(againMs, undefined, { signal }).catch(() => undefined)
    }
  }
  return { url, answers, failure }
}

function reasonOf(error: unknown): string {
  const { name, cause } = error as Error & { readonly cause?: { readonly code?: string } }
  return cause?.code ?? (name === 'TimeoutError' ? `no answer within ${patienceMs / 1000} s` : name)
}
