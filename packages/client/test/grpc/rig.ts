// Instances of a service over gRPC and a client of it, without proto files: messages are texts. What a text says, a server does.
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerOptions,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type CallOptions,
  type ChannelOptions,
  type sendUnaryData,
  type status,
} from '@grpc/grpc-js'
import type { TestContext } from 'node:test'
import { type AdmittingPipeline, Registry, systemClock } from '@switchgear/core'
import type { Depot } from '../../src/depot.ts'
import { DueLanes } from '../../src/dispatch/due-lanes.ts'
import { closedError, unknownServiceError } from '../../src/errors.ts'
import { grpcOptions } from '../../src/grpc/index.ts'
import { type GrpcClient, grpcSource } from '../../src/grpc/source.ts'
import { createUpstream, type ServiceOptions } from '../../src/upstream.ts'
import { counting, ToldRoster } from '../faces/rig.ts'

const text = {
  requestSerialize: (value: string) => Buffer.from(value),
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (value: string) => Buffer.from(value),
  responseDeserialize: (bytes: Buffer) => bytes.toString(),
}
const definition = {
  Ask: { path: '/shop.Orders/Ask', requestStream: false, responseStream: false, ...text },
  List: { path: '/shop.Orders/List', requestStream: false, responseStream: true, ...text },
  Talk: { path: '/shop.Orders/Talk', requestStream: true, responseStream: true, ...text },
}

export type Asked = ServerUnaryCall<string, string>

export interface Instance {
  readonly port: number
  /** Calls that came. */
  readonly asked: Asked[]
  kill(): void
}

/** An instance on a free port. `answer` answers `Ask`; by default with the name of the instance. */
export async function instance(
  t: TestContext,
  name: string,
  answer?: (call: Asked, done: sendUnaryData<string>) => void,
  options?: ServerOptions,
  port = 0,
): Promise<Instance> {
  const server = new Server(options)
  const made = { port: 0, asked: [] as Asked[], kill: () => server.forceShutdown() }
  server.addService(definition, {
    Ask: (call: Asked, done: sendUnaryData<string>) => {
      made.asked.push(call)
      if (answer !== undefined) answer(call, done)
      else if (call.request.startsWith('status ')) done({ code: Number(call.request.slice(7)), details: 'as asked' })
      else if (call.request !== 'silence') done(null, name)
    },
    List: (call: ServerWritableStream<string, string>) => {
      call.write('one')
      if (call.request === 'break') setTimeout(() => call.emit('error', { code: 13, details: 'broken' }), 20)
      else if (call.request === 'hold') setTimeout(() => call.end(), 150)
      else call.end()
    },
    Talk: (call: ServerDuplexStream<string, string>) => {
      call.on('data', (word: string) => call.write(`${word}!`))
      call.on('end', () => call.end())
    },
  })
  made.port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  t.after(() => server.forceShutdown())
  return made
}

export interface Answer {
  readonly text: string | undefined
  readonly error: ServiceError | undefined
}

export class Orders extends Client {
  ask(request: string, options: CallOptions = {}, metadata: Metadata = new Metadata()): Promise<Answer> {
    return new Promise((resolve) => {
      const { Ask } = definition
      const done = (error: ServiceError | null, answer?: string): void =>
        resolve({ text: answer, error: error ?? undefined })
      this.makeUnaryRequest(Ask.path, Ask.requestSerialize, Ask.responseDeserialize, request, metadata, options, done)
    })
  }

  list(request: string, options: CallOptions = {}): ClientReadableStream<string> {
    const { List } = definition
    return this.makeServerStreamRequest(List.path, List.requestSerialize, List.responseDeserialize, request, options)
  }

  talk(): ClientDuplexStream<string, string> {
    const { Talk } = definition
    return this.makeBidiStreamRequest(Talk.path, Talk.requestSerialize, Talk.responseDeserialize)
  }
}

export interface Rig {
  readonly roster: ToldRoster
  readonly depot: Depot
  readonly pipeline: AdmittingPipeline
  readonly client: GrpcClient
  readonly orders: Orders
  counted(): { readonly successes: number; readonly failures: number; readonly ignored: number }
  inFlight(): number
  close(): Promise<void>
}

/** A client of `orders`, whose instances the roster tells. */
export function ordersOf(
  t: TestContext,
  policies?: ServiceOptions['policies'],
  target = 'switchgear:///orders',
  more: ChannelOptions = {},
): Rig {
  const roster = new ToldRoster('orders')
  const upstream = createUpstream(
    'orders',
    { policies: policies ?? [{ bulkhead: { maxInFlight: 50 } }, counting] },
    { registry: new Registry(), directory: roster },
  )
  const depot: Depot = {
    upstream,
    clock: systemClock,
    lanes: new DueLanes(systemClock),
    report: undefined,
    mostReplayed: 0,
    live: new Set(),
    travels: true,
    closed: false,
  }
  const client: GrpcClient = {
    [grpcSource]: (name) => {
      if (name !== 'orders') throw unknownServiceError(name, ['orders'])
      return { depot, roster }
    },
  }
  const orders = new Orders(target, credentials.createInsecure(), { ...grpcOptions(client), ...more })
  const close = async (): Promise<void> => {
    depot.closed = true
    for (const call of depot.live) call.stop(closedError('orders'))
    await upstream.close()
  }
  t.after(async () => {
    orders.close()
    await close()
  })
  const of = (kind: string): Record<string, unknown> =>
    (upstream.pipeline.snapshot().policies.find(({ policy }) => policy === kind) ?? {}) as Record<string, unknown>
  return {
    roster,
    depot,
    pipeline: upstream.pipeline,
    client,
    orders,
    counted() {
      const { successes, failures, ignored } = of('circuitBreaker')['totals'] as Record<string, number>
      return { successes: Number(successes), failures: Number(failures), ignored: Number(ignored) }
    },
    inFlight: () => Number(of('bulkhead')['inFlight']),
    close,
  }
}

/** All messages of a stream, and the status at its end. */
export function drain(stream: ClientReadableStream<string>): Promise<{ words: string[]; code: status }> {
  return new Promise((resolve) => {
    const words: string[] = []
    stream.on('data', (word: string) => words.push(word))
    // The status comes besides.
    stream.on('error', () => undefined)
    stream.on('status', ({ code }: { code: status }) => resolve({ words, code }))
  })
}
