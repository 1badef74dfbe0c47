// What applications glue together today: axios behind a breaker of opossum, and got with its own retries. Both over node:http with
// connections that are kept; several endpoints take turns, because neither knows of endpoints.
import { Agent } from 'node:http'
import axios from 'axios'
import got from 'got'
import CircuitBreaker from 'opossum'
import { checkOrder, inTurn, keepInFlight, order, path, type Subjects, type SubjectTask } from '../work.ts'

const urlsOf = ({ ports }: SubjectTask): string[] => ports.map((port) => `http://127.0.0.1:${port}${path}`)
const agent = new Agent({ keepAlive: true, maxSockets: 100 })

export const subjects: Subjects = {
  axios(task) {
    const next = inTurn(urlsOf(task))
    const http = axios.create({ httpAgent: agent })
    const send =
      task.method === 'GET'
        ? async (): Promise<unknown> => (await http.get(next())).data
        : async (): Promise<unknown> => (await http.post(next(), order)).data
    // Its own default time-out is 10 s; 3 s is that of a try in ours.
    const breaker = new CircuitBreaker(send, { timeout: 3000 })
    return { drive: (calls) => keepInFlight(calls, async () => checkOrder(await breaker.fire())) }
  },
  got(task) {
    const next = inTurn(urlsOf(task))
    const client = got.extend({ agent: { http: agent }, timeout: { request: 3000 } })
    const send =
      task.method === 'GET'
        ? async (): Promise<unknown> => await client.get(next()).json()
        : async (): Promise<unknown> => await client.post(next(), { json: order }).json()
    return { drive: (calls) => keepInFlight(calls, async () => checkOrder(await send())) }
  },
}
