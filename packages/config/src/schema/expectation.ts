// What a schema expects, in words for people. The words stand beside the schema they belong to, in a registry of their
// own, so that every way in which a value can miss it is told in the same words.
import { z } from 'zod'

const words = z.registry<{ expected: string }>()

/**
 * Says what a schema expects.
 *
 * @example
 * expecting(z.number().gt(0).lte(1), 'a number in (0, 1]')
 */
export function expecting<S extends z.ZodType>(schema: S, expected: string): S {
  words.add(schema, { expected })
  return schema
}

/** What a schema expects: the words it was given, or some made from its kind. */
export function expectation(schema: z.ZodType): string {
  const given = words.get(schema)
  if (given !== undefined) return given.expected
  const inner = unwrapped(schema)
  if (inner !== schema) return expectation(inner)
  if (schema instanceof z.ZodUnion) return optionsOf(schema).map(expectation).join(', or ')
  if (schema instanceof z.ZodEnum) return `one of ${schema.options.join(', ')}`
  if (schema instanceof z.ZodLiteral) return [...schema.values].join(' or ')
  if (schema instanceof z.ZodBoolean) return 'true or false'
  if (schema instanceof z.ZodArray) return 'a list'
  if (schema instanceof z.ZodObject || schema instanceof z.ZodRecord) return 'a mapping'
  return schema instanceof z.ZodString ? 'a text' : 'a value'
}

/** The schema inside `optional` and `default`. */
export function unwrapped(schema: z.ZodType): z.ZodType {
  let inner = schema
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault) inner = inner.unwrap() as z.ZodType
  return inner
}

/** The options of a union. */
export function optionsOf(union: z.ZodUnion): z.ZodType[] {
  return union.options as unknown as z.ZodType[]
}

/** The options of a union that a value can have been meant for; of mappings, those it shares a key with. */
export function suiting(union: z.ZodUnion, value: unknown): z.ZodType[] {
  const alike = optionsOf(union).filter((option) => sameKind(unwrapped(option), value))
  if (!isMapping(value)) return alike
  const sharing = alike.filter((option) => knownKeys(option).some((key) => Object.hasOwn(value, key)))
  return sharing.length === 0 && alike.length === 1 ? alike : sharing
}

/** All keys that a mapping may have; of a union, those of all its options. */
export function knownKeys(schema: z.ZodType): string[] {
  const inner = unwrapped(schema)
  if (inner instanceof z.ZodObject) return Object.keys(inner.shape)
  return inner instanceof z.ZodUnion ? optionsOf(inner).flatMap(knownKeys) : []
}

/** The schema of what stands under a key or index; undefined where the value does not say which. */
export function child(schema: z.ZodType, step: PropertyKey, value: unknown): z.ZodType | undefined {
  const inner = unwrapped(schema)
  if (inner instanceof z.ZodObject) return inner.shape[String(step)] as z.ZodType | undefined
  if (inner instanceof z.ZodRecord) return inner.valueType as z.ZodType
  if (inner instanceof z.ZodArray) return inner.element as z.ZodType
  if (!(inner instanceof z.ZodUnion)) return undefined
  for (const option of suiting(inner, value)) {
    const found = child(option, step, value)
    if (found !== undefined) return found
  }
  return undefined
}

/** Whether a value is a mapping: neither a list nor a scalar. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function sameKind(schema: z.ZodType, value: unknown): boolean {
  if (schema instanceof z.ZodObject || schema instanceof z.ZodRecord) return isMapping(value)
  if (schema instanceof z.ZodArray) return Array.isArray(value)
  if (schema instanceof z.ZodNumber) return typeof value === 'number'
  if (schema instanceof z.ZodString || schema instanceof z.ZodEnum) return typeof value === 'string'
  if (schema instanceof z.ZodUnion) return optionsOf(schema).some((option) => sameKind(unwrapped(option), value))
  return schema instanceof z.ZodLiteral ? [...schema.values].some((literal) => literal === value) : false
}
