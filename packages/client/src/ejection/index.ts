// What of outlier ejection the rest of the client uses.
export { type EjectionListener, type EjectionTotals, Ejector, type ReturnCause } from './ejector.ts'
export { type Ejection, type EjectionReason, EndpointGate } from './gate.ts'
export {
  type EjectionOptions,
  ejectionRules,
  type EjectionRules,
  type FailureShareOptions,
  type SuccessRateOptions,
} from './options.ts'
