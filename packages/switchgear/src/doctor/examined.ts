// What an examination of a command means: how it ran, what answered, and what its telemetry says.
import { count, duration } from '../quantity.ts'
import { diagnosed, meant } from './diagnosed.ts'
import { startAdvice } from './environment.ts'
import type { Examination } from './examination.ts'
import { finding, type TelemetryFinding } from './finding.ts'
import type { Requested } from './requests.ts'

/**
 * The findings of an examination. Where telemetry is started in several processes, each speaks for itself.
 *
 * @example
 * examined('node app.js', examination)
 */
export function examined(examination: Examination): TelemetryFinding[] {
  const { startFailure, diagnoses, requests, foreign } = examination
  if (startFailure !== undefined) {
    const why = startFailure === 'ENOENT' ? 'there is no such command' : startFailure
    return [finding('error', 'command-not-started', `The command could not be started: ${why}.`)]
  }
  const spoke = meant(diagnoses)
  const course = courseOf(examination)
  const failed = course.some(({ id }) => id === 'command-failed')
  // Of a command that fails at once nothing else is to be expected.
  const silent =
    spoke.length > 0 || failed || foreign > 0
      ? []
      : [finding('error', 'not-started', 'Telemetry was never started in the processes of the command.', startAdvice)]
  const message =
    'The telemetry of the command is of another version, and this doctor does not understand what it says.'
  const other =
    foreign === 0 ? [] : [finding('warning', 'other-version', message, 'Take the doctor of the same version.')]
  return [...course, ...other, ...silent, ...requests.map(answered), ...spoke.flatMap(diagnosed)]
}

function courseOf({ ended, ranMs, killed }: Examination): TelemetryFinding[] {
  if (ended !== undefined && (ended.code !== 0 || ended.signal !== null)) {
    const how = ended.signal === null ? `exit code ${ended.code}` : String(ended.signal)
    const message = `The command ended by itself after ${duration(ranMs)} with ${how}.`
    return [finding('error', 'command-failed', message, 'Its last words are below.')]
  }
  if (ended !== undefined) {
    return [finding('info', 'command-ended', `The command ended by itself after ${duration(ranMs)}.`)]
  }
  if (!killed) return []
  const message = 'The command did not end within 10 s of SIGTERM and was killed: the spans it still had are lost.'
  return [finding('warning', 'command-killed', message, 'Close what keeps it alive when the signal comes.')]
}

function answered({ url, answers, failure }: Requested): TelemetryFinding {
  const statuses = Object.entries(answers).map(([status, times]) => `${count(times)} × ${status}`)
  if (statuses.length === 0) {
    const message = `${url} did not answer (${failure ?? 'no time was left'}).`
    return finding('error', 'no-answer', message, 'Give it more time with --for, or correct the address.')
  }
  if (failure !== undefined)
    return finding('warning', 'some-answers', `${url}: ${statuses.join(', ')}, and ${failure}.`)
  return finding('info', 'answers', `${url}: ${statuses.join(', ')}.`)
}
