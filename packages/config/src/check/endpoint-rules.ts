// Endpoints that are kept although they fail, and ones that are left although too few are.
import type { ServiceOptions } from '@switchgear/client'
import { formatPath, type Path } from '../path.ts'
import type { Finding } from './finding.ts'

/** Findings about how the endpoints of a service are used; a service stands at `path`. */
export function endpointRules({ endpoints, ejection }: ServiceOptions, path: Path): Finding[] {
  const at = formatPath([...path, 'ejection'])
  // A host outside has one endpoint unless it names more, which may be the name of many.
  const isOne = endpoints === undefined ? path[0] === 'external' : endpoints.length < 2
  if (ejection === undefined || isOne) return []
  if (ejection === false) {
    return [
      {
        id: 'no-ejection',
        severity: 'warning',
        path: at,
        message: 'no endpoint is ever left out: one that fails keeps its share of the calls',
        advice: 'Leave ejection out, or give it options: at least one endpoint always stays.',
      },
    ]
  }
  const { maxShare = 0.5, panicThreshold } = ejection
  // With a smaller share the quota leaves half of the endpoints anyway.
  if (panicThreshold !== 0 || maxShare <= 0.5) return []
  return [
    {
      id: 'ejection-without-panic',
      severity: 'warning',
      path: at,
      message: `maxShare ${maxShare} and panicThreshold 0: the few endpoints that are left take all calls and fail too`,
      advice: 'Leave panicThreshold at 0.5: when so many fail, it is not the endpoints.',
    },
  ]
}
