// Who is played. A subject is judged against the peers of its own kind: breakers alone against breakers alone, stacks with
// retry against stacks with retry. `role` says what it is for the verdict.

/** One subject. */
export interface Subject {
  readonly label: string
  readonly library: 'none' | 'classic' | 'opossum' | 'cockatiel' | 'switchgear'
  readonly variant: string
  readonly kind: 'breaker' | 'stack'
  /** `control` and `extra` are shown and take no part in any verdict. */
  readonly role: 'control' | 'peer' | 'defaults' | 'recommended' | 'extra'
  readonly quick?: boolean
}

/** Every subject, in the order of the tables. */
export const subjects: readonly Subject[] = [
  { label: 'no breaker', library: 'none', variant: 'timeout', kind: 'breaker', role: 'control', quick: true },
  { label: 'classic 30 lines', library: 'classic', variant: 'breaker', kind: 'breaker', role: 'peer', quick: true },
  { label: 'classic 30 lines, tuned alike', library: 'classic', variant: 'alike', kind: 'breaker', role: 'peer' },
  { label: 'opossum', library: 'opossum', variant: 'defaults', kind: 'breaker', role: 'peer', quick: true },
  { label: 'opossum, tuned alike', library: 'opossum', variant: 'alike', kind: 'breaker', role: 'peer' },
  {
    label: 'cockatiel consecutive',
    library: 'cockatiel',
    variant: 'consecutive',
    kind: 'breaker',
    role: 'peer',
    quick: true,
  },
  {
    label: 'cockatiel consecutive, tuned alike',
    library: 'cockatiel',
    variant: 'consecutiveAlike',
    kind: 'breaker',
    role: 'peer',
  },
  { label: 'cockatiel sampling', library: 'cockatiel', variant: 'sampling', kind: 'breaker', role: 'peer' },
  {
    label: 'cockatiel sampling, tuned alike',
    library: 'cockatiel',
    variant: 'samplingAlike',
    kind: 'breaker',
    role: 'peer',
    quick: true,
  },
  {
    label: 'switchgear defaults',
    library: 'switchgear',
    variant: 'defaults',
    kind: 'breaker',
    role: 'defaults',
    quick: true,
  },
  {
    label: 'switchgear recommended',
    library: 'switchgear',
    variant: 'recommended',
    kind: 'breaker',
    role: 'recommended',
    quick: true,
  },
  { label: 'retry, no breaker', library: 'none', variant: 'stack', kind: 'stack', role: 'control' },
  { label: 'retry + classic', library: 'classic', variant: 'stack', kind: 'stack', role: 'peer' },
  { label: 'cockatiel retry + consecutive', library: 'cockatiel', variant: 'stack', kind: 'stack', role: 'peer' },
  {
    label: 'cockatiel retry + sampling, tuned alike',
    library: 'cockatiel',
    variant: 'stackSamplingAlike',
    kind: 'stack',
    role: 'peer',
  },
  {
    label: 'switchgear retry + defaults',
    library: 'switchgear',
    variant: 'stackDefaults',
    kind: 'stack',
    role: 'defaults',
  },
  {
    label: 'switchgear retry + recommended',
    library: 'switchgear',
    variant: 'stackRecommended',
    kind: 'stack',
    role: 'recommended',
  },
]
