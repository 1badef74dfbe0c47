// The decorator, for methods. It is a standard (TC39) decorator; Node does not run decorator syntax by stripping types, so
// sources that write `@guarded(...)` are compiled first (tsc, esbuild). Called as a function it works anywhere.
import type { Pipeline } from './pipeline.ts'

/**
 * Runs every call of a method under a pipeline. The method must be async and its type must allow what a fallback answers.
 *
 * @example
 * class Payments {
 *   @guarded(payments)
 *   async charge(order: Order): Promise<Receipt> {
 *     return await this.gateway.charge(order)
 *   }
 * }
 */
export function guarded<Alt>(
  pipeline: Pipeline<Alt>,
): <This, Args extends unknown[], R>(
  method: (this: This, ...args: Args) => Promise<R>,
  context?: ClassMethodDecoratorContext<This, (this: This, ...args: Args) => Promise<R>>,
) => (this: This, ...args: Args) => Promise<R | Alt> {
  return (method) => pipeline.wrap(method)
}
