// What the parent process and its children say to each other over the IPC channel. Plain objects, told apart by `type`;
// both sides come from this folder, so they are trusted and not validated again.

import type { BacklogState } from './backlog.ts'

/** What a service may be told to do with its requests; `none` heals it. */
export type FaultMode = 'none' | 'fail' | 'hang' | 'slow'

/** The twin shops: one under the policies of switchgear.yaml, one calling with plain fetch. */
export type Side = 'protected' | 'unprotected'

/** What a traced child calls itself, and where its spans go. */
export interface TelemetryOrder {
  readonly service: string
  /** Origin of the collector; undefined: its spans go nowhere. */
  readonly collector: string | undefined
}

/** The first message to a child: what it is and where it finds the others. */
export interface StartOrder {
  readonly type: 'start'
  readonly side: Side
  /** Path of the switchgear.yaml. */
  readonly configPath: string
  /** The port it should listen on; 0 takes any free one. */
  readonly port: number
  /** Whether it may move to a free port when that one is taken. */
  readonly mayMove: boolean
  /** Origins of the services that already run, by name. */
  readonly origins: Readonly<Record<string, string>>
  /** Undefined: it is not traced. */
  readonly telemetry: TelemetryOrder | undefined
  /** File to which it adds a line of JSON for each request that it failed; undefined: nowhere. */
  readonly log: string | undefined
}

/** From the parent to a child. */
export type Order = StartOrder | { readonly type: 'fault'; readonly mode: FaultMode } | { readonly type: 'stop' }

/** A circuit changed its state; `agoMs` before the message was sent. */
export interface TransitionNews {
  readonly type: 'transition'
  readonly service: string
  readonly from: string
  readonly to: string
  readonly reason: string
  readonly agoMs: number
}

/** How the payments stand that could not be made at once. */
export interface BacklogNews extends BacklogState {
  readonly type: 'backlog'
}

/** The last that a traced child tells: its spans since the start. */
export interface SentNews {
  readonly type: 'sent'
  /** Those that the collector has confirmed. */
  readonly spans: number
  /** Those that it never got. */
  readonly lost: number
}

/** It serves. A collector answers questions elsewhere than where it receives. */
export interface ReadyNews {
  readonly type: 'ready'
  readonly origin: string
  readonly questions?: string | undefined
}

/** From a child to the parent. */
export type News =
  | ReadyNews
  | { readonly type: 'cannot'; readonly problem: string; readonly busyPort: number | undefined }
  | TransitionNews
  | BacklogNews
  | SentNews
