// Where a pod finds its API server ("Accessing the Kubernetes API from a Pod"). Reads the environment and the namespace once, when it
// is asked to; token and certificates stay files, because they rotate.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SwitchgearError } from '@switchgear/core'
import { authority } from '../endpoint.ts'

/** What `kubernetesResolver` needs to know of the cluster. */
export interface Cluster {
  readonly server: string
  readonly namespace: string
  readonly tokenFile: string
  readonly caFile: string
}

/**
 * The cluster this process runs in. Throws `SG_KUBERNETES_OUTSIDE` when there is none.
 *
 * @example
 * const resolver = kubernetesResolver({ ...inCluster(), port: 'http' })
 */
export function inCluster(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  directory = '/var/run/secrets/kubernetes.io/serviceaccount',
): Cluster {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment
  if (host === undefined || host === '' || !/^\d{1,5}$/.test(port ?? ''))
    throw new SwitchgearError(
      'SG_KUBERNETES_OUTSIDE',
      'inCluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set',
    )
  const namespaceFile = join(directory, 'namespace')
  try {
    return {
      server: `https://${authority(host, Number(port))}`,
      namespace: readFileSync(namespaceFile, 'utf8').trim(),
      tokenFile: join(directory, 'token'),
      caFile: join(directory, 'ca.crt'),
    }
  } catch (cause) {
    throw new SwitchgearError('SG_KUBERNETES_OUTSIDE', `inCluster: ${namespaceFile} cannot be read`, { cause })
  }
}
