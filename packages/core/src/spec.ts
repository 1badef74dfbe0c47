// From a plain object to a pipeline: what configuration files, gateways and simulators have in common. The words are those
// of the TypeScript options; the checks are those of the policies themselves, with the place in the object put in front.
import { type Classifier, classify } from './classify.ts'
import type { Clock } from './clock.ts'
import { OptionsError } from './errors.ts'
import { classifyHttp } from './http.ts'
import { check, checkKeys } from './options.ts'
import { type Pipeline, pipeline } from './pipeline.ts'
import { at, policyFrom, type PolicySpec, type Surroundings } from './policy-spec.ts'
import type { Random } from './random.ts'
import type { Registry } from './registry.ts'

/** A pipeline as a plain object. */
export interface PipelineSpec {
  readonly name?: string | undefined
  /** Default 'default': a throw is a failure. 'http': see `classifyHttp`. */
  readonly classify?: 'default' | 'http' | undefined
  /** Outermost first. */
  readonly policies: readonly PolicySpec[]
}

/** What a spec cannot hold. */
export interface SpecOptions extends Surroundings {
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** Registers the pipeline; the spec must then have a name. */
  readonly registry?: Registry | undefined
  /** Instead of what the spec names. */
  readonly classify?: Classifier | undefined
}

const classifiers: Readonly<Record<string, Classifier>> = { default: classify, http: classifyHttp }

/**
 * Compiles a plain object. Throws `SG_BAD_OPTIONS` with the place, the bound and the value.
 *
 * @example
 * const payments = fromSpec({ name: 'payments', policies: [{ circuitBreaker: 'critical' }, { timeout: '800ms' }] })
 */
export function fromSpec(spec: PipelineSpec, options: SpecOptions = {}): Pipeline<unknown> {
  checkKeys(spec, { name: '', classify: '', policies: [] }, 'pipeline')
  check(Array.isArray(spec.policies), 'pipeline.policies', 'a list', spec.policies)
  const kind = spec.classify ?? 'default'
  check(Object.hasOwn(classifiers, kind), 'pipeline.classify', `one of ${Object.keys(classifiers).join(', ')}`, kind)
  const policies = spec.policies.map((policy, index) => at(`policies[${index}]`, () => policyFrom(policy, options)))
  const { clock, random, registry } = options
  const chosen = {
    classify: options.classify ?? classifiers[kind],
    ...(clock === undefined ? {} : { clock }),
    ...(random === undefined ? {} : { random }),
  }
  if (registry === undefined) return pipeline({ name: spec.name, ...chosen }, ...policies)
  if (spec.name === undefined) throw new OptionsError('pipeline.name is needed to register it')
  return registry.pipeline({ name: spec.name, ...chosen }, ...policies)
}
