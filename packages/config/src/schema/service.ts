// A service: where it answers, what guards calls to it, and what its clients are told when it cannot be asked.
import type { ServiceOptions } from '@switchgear/client'
import { z } from 'zod'
import { expecting, isMapping } from './expectation.ts'
import { byteSize, count, option } from './field.ts'
import { policies } from './policy.ts'

/** Headers that frame a message: whoever sends it decides them. */
const framing = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const endpoint = expecting(
  z
    .string()
    .regex(/^https?:\/\/[^/?#@\\\s]+\/?$/)
    .refine(isReachable),
  'an origin such as http://payments:8080, without path and password',
)

const headerName = expecting(
  z
    .string()
    .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/)
    .refine((name) => !framing.has(name.toLowerCase())),
  'the name of a header that does not frame the message',
)

/** No line breaks, or one header could become two. */
const headerValue = expecting(
  z.string().regex(/^[\t\x20-\x7e\x80-\xff]{0,1024}$/),
  'a text on one line, at most 1024 characters',
)

const cached = expecting(
  z.union([
    z.boolean(),
    z.strictObject({
      maxEntries: option(count(1), 'Answers kept at most.', 100),
      maxBytes: option(byteSize(), 'Bytes of all kept answers together; one may take a quarter of it.', '1mb'),
    }),
  ]),
  'true, false, or a mapping with maxEntries and maxBytes',
)

const fallback = expecting(
  z.strictObject({
    name: option(
      expecting(z.string().regex(/^[\w.-]{1,64}$/), "letters, digits, '_', '-' or '.'"),
      'Value of the Switchgear-Fallback header of the answer.',
      'fallback',
    ),
    cached: option(cached, 'Answers a GET with the last good answer to the same path, before the fixed answer.', false),
    status: option(
      expecting(z.int().min(200).max(599), 'a whole number in [200, 599]'),
      'Status of the fixed answer.',
      200,
    ),
    headers: option(z.record(headerName, headerValue), 'Headers of the fixed answer.'),
    body: option(z.string(), 'Body of the fixed answer.', ''),
  }),
  'a mapping with cached, status or body',
).refine((given) => Boolean(given.cached) || given.status !== undefined || given.body !== undefined, {
  when: ({ value }) => isMapping(value),
  params: { expected: 'cached: true, a status or a body in it' },
})

/** The name of a service. It becomes a label of metrics and part of what operators type. */
export const serviceName: z.ZodString = expecting(
  z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/),
  'a name of at most 63 letters, digits, dots, dashes and underscores',
)

/** One service. */
export const service: z.ZodType<ServiceOptions> = expecting(
  z.strictObject({
    endpoints: expecting(z.array(endpoint).min(1).max(1000), 'a list of at least one origin').meta({
      description: 'Origins that answer for the service.',
    }),
    policies: option(policies, "What guards a call, outermost first. Without it: the client's standard stack."),
    fallback: option(fallback, 'What is answered when the service cannot be asked.'),
  }),
  "a mapping with the key 'endpoints'",
)

function isReachable(origin: string): boolean {
  return URL.canParse(origin) && new URL(origin).port !== '0'
}
