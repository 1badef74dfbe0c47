// @switchgear/simulator: plays outages against the real policies on a virtual clock.
export { defaultModel } from './default-model.ts'
export { SimulatedFailure } from './failure.ts'
export type { Caller, Guard, Guards, Policies, SimulatedEnvironment } from './guard.ts'
export type {
  CallModel,
  Fault,
  FaultModel,
  Latency,
  LoadModel,
  ScenarioModel,
  ServiceModel,
  SimulationModel,
} from './model.ts'
export { pipelineGuards, unguarded } from './pipeline-guards.ts'
export { play, type PlayOptions } from './play.ts'
export type { BreakerResult, Percentiles, Series, ServiceResult, SimulationResult, Totals } from './result.ts'
export { scenariosOf } from './scenarios/all.ts'
