// The TCP check: whoever accepts a connection passes. Nothing is sent and nothing is read.
import { connect } from 'node:net'
import type { Probe } from './probe.ts'

/** A probe by connecting. */
export const probeTcp: Probe = ({ address, facts }, signal) =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: address, port: facts.port, signal })
    socket.once('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
    // It stays: a socket may fail again after it was given up.
    socket.on('error', reject)
  })
