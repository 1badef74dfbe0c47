// The head sampler that OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG name (OpenTelemetry specification,
// configuration/sdk-environment-variables.md). It must not read the environment itself: its caller does.
import type { HeadSampler } from '../trace/sampler.ts'
import { alwaysOff, alwaysOn, parentBased, ratio } from './head.ts'

/** Builds the sampler of a name; `share` is read only where it is needed. */
const samplers: Readonly<Record<string, (share: () => number) => HeadSampler>> = {
  always_on: () => alwaysOn,
  always_off: () => alwaysOff,
  traceidratio: (share) => ratio(share()),
  parentbased_always_on: () => parentBased(alwaysOn),
  parentbased_always_off: () => parentBased(alwaysOff),
  parentbased_traceidratio: (share) => parentBased(ratio(share())),
}

/** What is used when nothing is said. */
const defaultName = 'parentbased_always_on'

/**
 * The sampler of the two environment variables. An unset or empty name means `parentbased_always_on`, an unset or empty
 * argument 1. What cannot be understood is told to `warn` and otherwise treated as unset, as the specification asks.
 * Not supported: the two `jaeger_remote` samplers.
 *
 * @example
 * const sampler = samplerFromEnvironment(process.env.OTEL_TRACES_SAMPLER, process.env.OTEL_TRACES_SAMPLER_ARG)
 */
export function samplerFromEnvironment(
  name: string | undefined,
  arg: string | undefined,
  warn: (message: string) => void = (message) => process.emitWarning(message, 'SwitchgearWarning'),
): HeadSampler {
  const wanted = name?.trim().toLowerCase() || defaultName
  const known = Object.hasOwn(samplers, wanted)
  if (!known) {
    const names = Object.keys(samplers).join(', ')
    warn(`OTEL_TRACES_SAMPLER must be one of ${names}, got '${name}'; ${defaultName} is used`)
  }
  const build = samplers[known ? wanted : defaultName]
  return build === undefined ? parentBased(alwaysOn) : build(() => shareOf(arg, warn))
}

function shareOf(arg: string | undefined, warn: (message: string) => void): number {
  const text = arg?.trim() ?? ''
  if (text === '') return 1
  const share = Number(text)
  if (share >= 0 && share <= 1) return share
  warn(`OTEL_TRACES_SAMPLER_ARG must be a number in [0, 1], got '${arg}'; 1 is used`)
  return 1
}
