// The fetch of this Node, as it comes and with our dispatcher installed. undici itself is loaded by ours only, so that the bare one
// is what any program has.
import { type Caller, checkOrder, inTurn, keepInFlight, order, path, type Subjects, type SubjectTask } from '../work.ts'

export const subjects: Subjects = {
  bare: (task) => fetching(task, inTurn(task.ports.map((port) => `http://127.0.0.1:${port}${path}`))),
  async installed(task) {
    const { clientFor, guarded } = await import('./switchgear.ts')
    const client = clientFor(task)
    client.install()
    return guarded(
      client,
      fetching(task, () => `http://orders${path}`),
    )
  },
}

function fetching({ method }: SubjectTask, next: () => string): Caller {
  const get = async (): Promise<void> => {
    const response = await fetch(next())
    checkOrder(await response.json())
  }
  const post = async (): Promise<void> => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(next(), { method: 'POST', headers, body: JSON.stringify(order) })
    checkOrder(await response.json())
  }
  return { drive: (calls) => keepInFlight(calls, method === 'GET' ? get : post) }
}
