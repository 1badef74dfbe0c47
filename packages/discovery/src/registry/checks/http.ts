// The HTTP check: GET, and any 2xx passes. Each look has a connection of its own, which also proves that the instance accepts;
// nothing is kept open towards an address that a stranger has registered. A redirect is an answer like any other, so no 2xx.
import { Client } from 'undici'
import { authority } from '../../endpoint.ts'
import type { Probe } from './probe.ts'

/** Bytes of a body that are let in so that the other side can finish; more ends the connection. */
const bodyBytes = 4096

/** A probe by HTTP. With TLS the certificate is not verified: nothing secret is sent, and it is the address that is looked at. */
export const probeHttp: Probe = async ({ address, tls, facts }, signal) => {
  const origin = `${tls ? 'https' : 'http'}://${authority(address, facts.port)}`
  const client = new Client(origin, {
    pipelining: 0,
    connect: { rejectUnauthorized: false, timeout: facts.timeoutMs },
    maxHeaderSize: 16_384,
  })
  try {
    const headers = { 'user-agent': 'switchgear-check', accept: '*/*' }
    const { statusCode, body } = await client.request({ method: 'GET', path: facts.path, headers, signal })
    // The verdict is in. How the body ends changes nothing, so that its errors have no reader.
    await body.dump({ limit: bodyBytes, signal }).catch(() => undefined)
    return statusCode >= 200 && statusCode < 300 ? undefined : `status ${statusCode}`
  } finally {
    await client.destroy()
  }
}
