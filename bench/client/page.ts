// How the page is to be read: what was done, and what it does not show.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const version = (name: string): string => {
  const { version: found } = require(`../../node_modules/${name}/package.json`) as { readonly version: string }
  return `${name} ${found}`
}

/** The text under the tables. */
export function explanation(): string {
  const peers = ['undici', 'axios', 'opossum', 'got', 'moleculer'].map(version).join(', ')
  return `## How to read it

Versions: ${peers}; the undici inside this Node, which the bare global \`fetch\` uses, is ${process.versions['undici'] ?? 'unknown'}.
Three numbers such as \`12 (11 .. 13)\` are the median and the quartiles over the rounds.

### Cost

- Everybody does the same: 20 calls in flight over connections that are kept. GET has an answer of 1 KiB of JSON that is parsed; POST
  makes 1 KiB of JSON of an object, and its answer is the same. "No body read" is the exception: there the handler drops what it hears and
  the body of a POST is ready-made, so that nothing but the dispatchers is left. The smaller the work around, the larger the multiple.
- Each row is a process of its own and CPU is that of this process, all threads, collecting garbage included. The server is in another
  one and speaks just enough HTTP over bare sockets to cost less than what calls it. With two cores, calls a second show how fast
  caller and server are side by side; for the fast rows they are as much the server's as the caller's.
- Rounds go once through all rows, in an order that turns. A multiple is the median of the multiples of single rounds. In each block the
  server counts: a row whose calls did not all arrive ends the benchmark, and so does one of ours whose circuit breaker did not
  see exactly its calls.
- Ours has all that a service has that says nothing but its endpoints: bulkhead, total timeout, retries with their budget, circuit breaker,
  timeout of a try, peak EWMA, ejection, deadlines sent with each request. No telemetry is switched on in any row. Bare undici has none of it.
- With three endpoints the rows without a balancer take turns, which is the least that can be done; \`BalancedPool\` is undici's own.
- axios and got go through node:http with an agent that keeps connections. got has its retries on, opossum its defaults with a timeout of 3 s.
- Moleculer's row is no HTTP: \`broker.call\` to a node in another process over its own TCP transporter, JSON both ways, one connection
  that carries many calls at once. It answers the question what a call costs there, not what HTTP costs. Its node parses and makes JSON,
  which our server does not, so its calls a second are lower for that reason too. The second row has its breaker, retries and timeout.

### Balancing

- Ten endpoints on ten ports in one process; each works on two requests at a time, the others wait in line. A good one takes 20 ms, evenly
  spread from 10 to 30; the slow one ten times as long. So the good ones together can do 900 calls a second, the slow one 10.
- Calls come by chance (Poisson, seeded, the same for all), whether or not others were answered, and latency counts from when a call was
  due. All rows of a table run at the same time, each with a caller and endpoints of its own, so that the machine treats them alike.
- "The choice alone" is a timeout of 3 s and nothing else: no retries, no ejection, no breaker. "As it comes" has the standard policies and ejection.
  \`BalancedPool\` is the same in both: a time-out of 3 s is all it has.
- p50 and p99 are those of answered calls; failed ones stand beside them. The share is that of all requests, an even one is 10 %.
- maglev goes by a key, one of 1000 customers: it owes them the same endpoint, not the fastest one. It stands here to show that price.
- "Begun late" is how long a call waited for its own process: what stands there is noise of the machine in p50 and p99. Above some
  milliseconds the run was disturbed.

### A dead endpoint

- Three endpoints that take 5 ms. Half a second into the measured time one dies: its connections are reset, and it refuses new ones until the end.
- \`BalancedPool\` is the one of undici's pools that knows several origins; its RoundRobinPool spreads connections to one. Its retry interceptor has its
  defaults, and so has got. Neither repeats a POST by itself; ours does where nothing of it was sent.
- got knows no endpoints, so they take turns here. By itself it tries the same one again; in the last row a hook sends the retry to the next.

A machine that does other work at the same time makes everything dearer, all rows alike: compare the rows and the multiples. Differences
of a few hundredths mean nothing.
`
}
