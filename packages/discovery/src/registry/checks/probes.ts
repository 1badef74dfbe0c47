// Which probe looks at what.
import { probeGrpc } from './grpc.ts'
import { probeHttp } from './http.ts'
import type { Probe } from './probe.ts'
import { probeTcp } from './tcp.ts'

const probes = Object.freeze({ http: probeHttp, tcp: probeTcp, grpc: probeGrpc })

/** Looks in the way that the check asks for. */
export const probe: Probe = (target, signal) => probes[target.facts.kind](target, signal)
