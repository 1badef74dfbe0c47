// What `checkConfig` finds: configurations that are valid and will still hurt in an outage.

/** How bad it is: an error defeats the policy, a warning weakens it, an info is worth a thought. */
export type Severity = 'error' | 'warning' | 'info'

/** One anti-pattern in one place. */
export interface Finding {
  /** Stable name of the rule: 'no-timeout'. */
  readonly id: string
  readonly severity: Severity
  /** `services.payments.policies[1]`. */
  readonly path: string
  /** What is there, with its values. */
  readonly message: string
  /** What to do instead. */
  readonly advice: string
}
