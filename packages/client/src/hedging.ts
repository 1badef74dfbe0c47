// The hedge of a service: a pipeline of core that holds nothing else, around whole passages through the service's own. It stands
// beside the policies and not among them, because a pipeline that can be cut at its retry runs nothing side by side.
import {
  classifyHttp,
  type Clock,
  fromSpec,
  type Pipeline,
  type PolicySpec,
  type Random,
  type Shared,
  type Verdict,
} from '@switchgear/core'

/** Options of a service's hedge: those of core's `hedge`, with a budget by its spec. */
export type ServiceHedgeOptions = Extract<PolicySpec, { readonly hedge: unknown }>['hedge']

/** A response that stands until it is known whether it is the one; then it is taken or discarded. */
export interface Standing {
  readonly status: number
  readonly headers: unknown
  discard(): void
}

const classifier = Object.freeze({
  ofValue: (standing: Standing): Verdict => classifyHttp.ofValue?.(standing as never) as Verdict,
  discard: (standing: Standing): void => standing.discard(),
})

/** Makes it. Throws `SG_BAD_OPTIONS`. */
export function createHedge(
  name: string,
  options: ServiceHedgeOptions,
  { clock, random, shared }: { clock?: Clock | undefined; random?: Random | undefined; shared?: Shared | undefined },
): Pipeline<unknown> {
  return fromSpec({ name, policies: [{ hedge: options }] }, { clock, random, shared, classify: classifier })
}
