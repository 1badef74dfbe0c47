// What the parent process and its children say to each other over the IPC channel. Plain objects, told apart by `type`;
// both sides come from this folder, so they are trusted and not validated again.

import type { BacklogState } from './backlog.ts'

/** What a service may be told to do with its requests; `none` heals it. */
export type FaultMode = 'none' | 'fail' | 'hang' | 'slow'

/** The twin shops: one under the policies of switchgear.yaml, one calling with plain fetch. */
export type Side = 'protected' | 'unprotected'

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

/** From a child to the parent. */
export type News =
  | { readonly type: 'ready'; readonly origin: string }
  | { readonly type: 'cannot'; readonly problem: string; readonly busyPort: number | undefined }
  | TransitionNews
  | BacklogNews
