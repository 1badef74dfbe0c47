// The one import: `node --import @switchgear/telemetry/register app.js`. Starts telemetry as the OTEL_* variables say, and sees to
// it that nothing of what was kept is lost when the process ends by itself or by SIGTERM or SIGINT.
import { endWithProcess } from './start/process-end.ts'
import { type Telemetry, startTelemetry } from './start/telemetry.ts'

/** The telemetry of this process. */
export const telemetry: Telemetry = startTelemetry()

endWithProcess(telemetry)
