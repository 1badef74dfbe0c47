// An API server for tests that knows EndpointSlices, written from "Kubernetes API Concepts" and the comments of discovery.k8s.io/v1: not
// a cluster. It is strict: whatever a client may not do it answers with 400 and keeps in `violations`, which tests compare with
// nothing at all. Its time is that of the given clock.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Clock, Timer } from '@switchgear/core'

/** Answers a request otherwise than the API server should. */
export type Trick = (response: ServerResponse, request: IncomingMessage) => void

interface Slice {
  readonly metadata: { readonly name: string; readonly resourceVersion: string }
  readonly [field: string]: unknown
}
interface Event {
  readonly type: string
  readonly object: unknown
  readonly version: number
}
interface Watch {
  readonly response: ServerResponse
  readonly timer: Timer
}

const label = 'kubernetes.io/service-name=payments'
const listed = new Set(['labelSelector', 'limit', 'continue'])
const watched = new Set(['labelSelector', 'watch', 'resourceVersion', 'allowWatchBookmarks', 'timeoutSeconds'])

export class FakeKubernetes {
  /** What clients did wrong. */
  readonly violations: string[] = []
  readonly lists: URL[] = []
  readonly watches: URL[] = []
  /** One for each list, or watch, to come. */
  readonly listTricks: Trick[] = []
  readonly watchTricks: Trick[] = []
  token = 'first'
  namespace = 'shop'
  version = 100
  #slices = new Map<string, Slice>()
  #events: Event[] = []
  /** Versions that this server has given; a client may watch from no other. */
  readonly #given = new Set<string>()
  /** Snapshots behind continue tokens. */
  readonly #pages = new Map<string, { readonly version: number; readonly rest: readonly Slice[] }>()
  /** Events up to it are forgotten. */
  #compacted = 0
  readonly #open = new Set<Watch>()
  readonly #clock: Clock
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #scheme: string

  constructor(clock: Clock, tls?: { readonly key: string; readonly cert: string }) {
    this.#clock = clock
    const serve: RequestListener = (request, response) => this.#serve(request, response)
    this.#server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve)
    this.#scheme = tls === undefined ? 'http' : 'https'
    this.#server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    for (const { timer } of this.#open) timer.cancel()
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.cut()
    await closed
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** Watches under way. */
  get open(): number {
    return this.#open.size
  }

  /** Creates or changes a slice. */
  put(name: string, fields: Readonly<Record<string, unknown>>): void {
    const version = ++this.version
    const type = this.#slices.has(name) ? 'MODIFIED' : 'ADDED'
    const metadata = { name, namespace: this.namespace, resourceVersion: String(version) }
    const slice = { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', addressType: 'IPv4', ...fields, metadata }
    this.#slices.set(name, slice)
    this.#publish({ type, object: slice, version })
  }

  delete(name: string): void {
    const version = ++this.version
    const slice = this.#slices.get(name)
    this.#slices.delete(name)
    const metadata = { ...slice?.metadata, resourceVersion: String(version) }
    this.#publish({ type: 'DELETED', object: { ...slice, metadata }, version })
  }

  bookmark(): void {
    const version = ++this.version
    this.#given.add(String(version))
    const object = { kind: 'EndpointSlice', metadata: { resourceVersion: String(version) } }
    this.send(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`)
  }

  /** Forgets the past: versions from before now are gone, and so are continue tokens. */
  compact(): void {
    this.#compacted = ++this.version
    this.#events = []
    this.#pages.clear()
  }

  /** Bytes to all watches. */
  send(bytes: string | Uint8Array): void {
    for (const { response } of this.#open) response.write(bytes)
  }

  /** Ends all watches as their time-out does. */
  end(): void {
    for (const watch of this.#open) {
      this.#open.delete(watch)
      watch.timer.cancel()
      watch.response.end()
    }
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #publish(event: Event): void {
    this.#given.add(String(event.version))
    this.#events.push(event)
    this.send(line(event))
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://kubernetes')
    const isWatch = url.searchParams.has('watch')
    ;(isWatch ? this.watches : this.lists).push(url)
    const violation = this.#violation(request, url, isWatch)
    if (violation !== undefined) {
      this.violations.push(violation)
      status(response, 400, violation)
      return
    }
    const trick = (isWatch ? this.watchTricks : this.listTricks).shift()
    if (trick !== undefined) trick(response, request)
    else if (request.headers.authorization !== `Bearer ${this.token}`) status(response, 401, 'Unauthorized')
    else if (isWatch) this.#watch(url.searchParams, response)
    else this.#list(url.searchParams, response)
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const token = query.get('continue')
    const page =
      token === null ? { version: this.version, rest: [...this.#slices.values()] } : this.#pages.get(token ?? '')
    if (page === undefined) {
      status(response, 410, 'The provided continue parameter is too old', 'Expired')
      return
    }
    const limit = Number(query.get('limit'))
    const rest = page.rest.slice(limit)
    const next = rest.length === 0 ? '' : `t${this.#pages.size}`
    if (next !== '') this.#pages.set(next, { version: page.version, rest })
    this.#given.add(String(page.version))
    const metadata = { resourceVersion: String(page.version), continue: next }
    const items = page.rest.slice(0, limit)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ kind: 'EndpointSliceList', apiVersion: 'discovery.k8s.io/v1', metadata, items }))
  }

  #watch(query: URLSearchParams, response: ServerResponse): void {
    const from = Number(query.get('resourceVersion'))
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
    if (from < this.#compacted) {
      const object = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' }
      response.end(line({ type: 'ERROR', object }))
      return
    }
    for (const event of this.#events) if (event.version > from) response.write(line(event))
    const timer = this.#clock.setTimer(() => response.end(), Number(query.get('timeoutSeconds')) * 1000)
    const watch = { response, timer }
    this.#open.add(watch)
    response.on('close', () => {
      timer.cancel()
      this.#open.delete(watch)
    })
  }

  #violation(
    { method, headers }: IncomingMessage,
    { pathname, searchParams }: URL,
    isWatch: boolean,
  ): string | undefined {
    if (method !== 'GET') return `method ${method}`
    if (pathname !== `/apis/discovery.k8s.io/v1/namespaces/${this.namespace}/endpointslices`) return `path ${pathname}`
    if (headers.authorization === undefined) return 'unauthenticated'
    if (!headers.accept?.includes('application/json')) return `accept ${headers.accept}`
    for (const name of searchParams.keys()) if (!(isWatch ? watched : listed).has(name)) return `parameter ${name}`
    if (searchParams.get('labelSelector') !== label) return `selector ${searchParams.get('labelSelector')}`
    if (!isWatch) return /^[1-9]\d*$/.test(searchParams.get('limit') ?? '') ? undefined : 'list without limit'
    if (!/^[1-9]\d*$/.test(searchParams.get('timeoutSeconds') ?? '')) return 'watch without timeoutSeconds'
    if (searchParams.get('allowWatchBookmarks') !== 'true') return 'watch without bookmarks'
    const version = searchParams.get('resourceVersion') ?? ''
    return this.#given.has(version) ? undefined : `version '${version}' was never given`
  }
}

/** An event as it stands in a watch. */
export const line = ({ type, object }: { readonly type: string; readonly object: unknown }): string =>
  `${JSON.stringify({ type, object })}\n`

/** A Status object as an answer. */
export function status(response: ServerResponse, code: number, message: string, reason = ''): void {
  response.writeHead(code, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code, message, reason }))
}

/** An endpoint of a slice. */
export function pod(uid: string, address: string, fields: Readonly<Record<string, unknown>> = {}): unknown {
  return {
    addresses: [address],
    conditions: { ready: true },
    targetRef: { kind: 'Pod', name: `pod-${uid}`, uid },
    ...fields,
  }
}

export const http: readonly unknown[] = [{ name: 'http', protocol: 'TCP', port: 8080 }]
