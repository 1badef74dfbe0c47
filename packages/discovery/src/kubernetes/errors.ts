// What the Kubernetes resolver says when it cannot answer, and what is documented of it. The token is never part of a message.
import type { ErrorEntry } from '@switchgear/core'

/** What is documented of the codes of the Kubernetes resolver. */
export const kubernetesErrors: readonly ErrorEntry[] = [
  {
    code: 'SG_KUBERNETES_FAILED',
    title: 'The Kubernetes API server gave no usable answer.',
    advice:
      'The message says what happened: no connection, no answer in time, a status, an answer or event that is too large or no ' +
      'EndpointSlice, a file with token or certificates that cannot be read. The endpoints found before stay in use and it is asked ' +
      'again with growing waits. Check the server and ca of kubernetesResolver; 404 means that it has no discovery.k8s.io/v1 (1.21).',
  },
  {
    code: 'SG_KUBERNETES_REFUSED',
    title: 'The Kubernetes API server refuses the token.',
    advice:
      'It answered 401 or 403. The service account needs a Role with the verbs list and watch on endpointslices of the group ' +
      'discovery.k8s.io in the namespace asked, and a RoleBinding to it. With a token of your own check that it has not expired; ' +
      'a token that rotates belongs in tokenFile. The endpoints found before stay in use meanwhile.',
  },
  {
    code: 'SG_KUBERNETES_OUTSIDE',
    title: 'This process does not run in a Kubernetes cluster.',
    advice:
      'inCluster() found no KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, or no files of a service account. In a pod check ' +
      'automountServiceAccountToken; elsewhere pass server, namespace and tokenFile to kubernetesResolver yourself.',
  },
]
