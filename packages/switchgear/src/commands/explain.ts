// `switchgear explain`: what the documentation says of an error code, from the tables that stand beside the code.
import { clientErrors, endpointErrors, nearest, protectErrors } from '@switchgear/client'
import { configError } from '@switchgear/config'
import type { ErrorEntry } from '@switchgear/core'
import { errorTable } from '@switchgear/core/explain'
import {
  consulErrors,
  discoveryErrors,
  dnsErrors,
  kubernetesErrors,
  registryErrors,
  registryServiceErrors,
} from '@switchgear/discovery'
import { gatewayErrors } from '@switchgear/gateway'
import { storeErrors } from '@switchgear/telemetry'
import type { Command } from 'commander'
import { UsageError } from '../failure.ts'
import { table, wrapped } from '../table.ts'
import type { Terminal } from '../terminal.ts'

/** Every code of every package. */
const entries: readonly ErrorEntry[] = [
  ...errorTable,
  ...storeErrors,
  ...discoveryErrors,
  ...dnsErrors,
  ...consulErrors,
  ...kubernetesErrors,
  ...registryErrors,
  ...registryServiceErrors,
  ...clientErrors,
  ...endpointErrors,
  ...protectErrors,
  ...gatewayErrors,
  configError,
].toSorted((a, b) => (a.code < b.code ? -1 : 1))

/** Adds the command. */
export function addExplain(program: Command, terminal: Terminal): void {
  program
    .command('explain')
    .description('what an error code means and what to do; without a code, all of them')
    .argument('[code]', 'such as SG_CIRCUIT_OPEN, or CIRCUIT_OPEN')
    .action((code: string | undefined) => explain(code, terminal))
}

function explain(code: string | undefined, { print, paint, width }: Terminal): void {
  if (code === undefined) {
    const left = Math.max(...entries.map((entry) => entry.code.length)) + 3
    const rows = entries.flatMap((entry) =>
      wrapped(entry.title, width - left).map((line, index) => [index === 0 ? entry.code : '', line]),
    )
    return print(table(rows, ['left', 'left']).join('\n'))
  }
  const wanted = code.toUpperCase().startsWith('SG_') ? code.toUpperCase() : `SG_${code.toUpperCase()}`
  const found = entries.find((entry) => entry.code === wanted)
  if (found === undefined) {
    const guess = nearest(
      wanted,
      entries.map((entry) => entry.code),
    )
    throw new UsageError(
      `there is no error code '${code}'${guess === undefined ? '; `switchgear explain` lists them' : `; did you mean ${guess}?`}`,
    )
  }
  print([paint('bold', found.code), found.title, '', ...wrapped(found.advice, Math.min(width, 100))].join('\n'))
}
