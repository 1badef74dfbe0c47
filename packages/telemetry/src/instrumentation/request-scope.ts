// The names under which the spans of this folder appear, and the kinds they are of.
import { rootContext, suppress, type Context } from '../trace/context.ts'
import { kinds } from '../trace/span-block.ts'
import type { InstrumentationScope } from '../trace/span-data.ts'

const schemaUrl = 'https://opentelemetry.io/schemas/1.44.0'

export const httpScope: InstrumentationScope = Object.freeze({ name: '@switchgear/telemetry/http', schemaUrl })
export const undiciScope: InstrumentationScope = Object.freeze({ name: '@switchgear/telemetry/undici', schemaUrl })
export const http2Scope: InstrumentationScope = Object.freeze({ name: '@switchgear/telemetry/http2', schemaUrl })

export const serverKind: number = kinds.indexOf('server')
export const clientKind: number = kinds.indexOf('client')

/** Where requests are served that are left out: nothing they cause is traced either. */
export const quietContext: Context = suppress(rootContext)
