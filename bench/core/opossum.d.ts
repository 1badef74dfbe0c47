// The part of opossum that the benchmark uses; the package brings no types.
declare module 'opossum' {
  export interface CircuitBreakerOptions {
    timeout?: number | false
    errorThresholdPercentage?: number
    resetTimeout?: number
    rollingCountTimeout?: number
    rollingCountBuckets?: number
    rollingPercentilesEnabled?: boolean
    enableSnapshots?: boolean
    volumeThreshold?: number
  }
  export default class CircuitBreaker<T> {
    constructor(action: () => Promise<T>, options?: CircuitBreakerOptions)
    fire(): Promise<T>
    readonly closed: boolean
    readonly opened: boolean
  }
}
