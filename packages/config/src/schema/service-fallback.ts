// What a service answers when it cannot be asked: the last good answer, or a fixed one.
import type { ServiceFallbackOptions } from '@switchgear/client'
import { z } from 'zod'
import { expecting, isMapping } from './expectation.ts'
import { byteSize, count, option } from './field.ts'

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

/** The fallback of a service. */
export const serviceFallback: z.ZodType<ServiceFallbackOptions> = expecting(
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
