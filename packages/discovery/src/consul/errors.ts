// What the Consul resolver says when it cannot answer, and what is documented of it. The token is never part of a message.
import type { ErrorEntry } from '@switchgear/core'

/** What is documented of the codes of the Consul resolver. */
export const consulErrors: readonly ErrorEntry[] = [
  {
    code: 'SG_CONSUL_FAILED',
    title: 'Consul gave no usable answer.',
    advice:
      'The message says what happened: no connection, no answer in time, a status such as 500 "No cluster leader" or 429, an answer ' +
      'that is too large or no list of instances. The endpoints found before stay in use and it is asked again with growing waits. ' +
      'Check that the agent runs at the url of consulResolver and that `consul operator raft list-peers` shows a leader.',
  },
  {
    code: 'SG_CONSUL_REFUSED',
    title: 'Consul refuses the token.',
    advice:
      'It answered 401 or 403, or it left out everything because of its ACLs. Check that the token of consulResolver exists in the ' +
      'datacenter asked (`consul acl token read -self`), has not expired, and has a policy with service:read for the service and ' +
      'node:read for the nodes it runs on. The endpoints found before stay in use meanwhile.',
  },
]
