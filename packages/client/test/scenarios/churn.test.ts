// Scenario: endpoints come, move and go all the time.
import { it } from 'node:test'
import { churn } from './churn.ts'

const seed = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101)

it('200 endpoints churn under load: the client that follows stays as it was', (t) =>
  churn(t, {
    seed,
    endpoints: 200,
    changesPerSecond: 200,
    callsPerSecond: 60,
    warmUpMs: 1500,
    forMs: 2500,
    mostGrowth: 2 * 1024 * 1024,
  }))
