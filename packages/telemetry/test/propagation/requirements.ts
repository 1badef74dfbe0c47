// The table of what W3C Trace Context level 2 requires of a process that receives a request and makes calls meanwhile:
// whoever speaks HTTP is tested against every row.
import type { Requirement } from './requirement.ts'
import { traceparentRequirements } from './traceparent-requirements.ts'
import { tracestateRequirements } from './tracestate-requirements.ts'

export type { Expectation, HeaderPair, Requirement } from './requirement.ts'
export { violations } from './requirement.ts'
export { mutationRequirements } from './tracestate-requirements.ts'

/** All rows. Judge what came out with `violations`. */
export const requirements: readonly Requirement[] = [...traceparentRequirements, ...tracestateRequirements]
