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
    capacity?: number
    cache?: boolean
    cacheTTL?: number
    cacheGetKey?: () => string
    coalesce?: boolean
    coalesceResetOn?: readonly ('error' | 'success' | 'timeout')[]
  }
  export default class CircuitBreaker<T> {
    constructor(action: () => Promise<T>, options?: CircuitBreakerOptions)
    fire(): Promise<T>
    fallback(substitute: () => T): this
    readonly closed: boolean
    readonly opened: boolean
  }
}
