// Secrets inside of texts: credentials of headers, tokens and keys by their shape, addresses that carry a password, and what
// a name says is one. Invariant: the time is linear in the length, whatever the text: every pattern begins with something fixed,
// goes on without two ways to match the same character, and what it passed in vain is not passed again from another beginning.
import { QueryRedaction, redacted } from '../instrumentation/request-url.ts'
import { redactAssignments } from './assignments.ts'
import type { SecretKeys } from '../redaction/secret-keys.ts'

/** A text without any of these has nothing to hide; most are such. */
const suspicious =
  /[:=]|bearer|basic|eyJ|-----BEGIN |AKIA|ASIA|AIza|ya29|gh[pousr]_|github_pat_|[sr]k_live_|xox[a-z]-|glpat-|npm_|\bsk-/i
/** Up to its end, or to that of the text where it was cut. */
const privateKey =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g
/** RFC 6750 and RFC 7617; token68 of RFC 9110 section 11.2. */
const credentials = /\b(bearer|basic)([ \t]{1,8}|%20|\+)([a-z0-9+/._~=-]+)/gi
/** Userinfo of an address, RFC 3986 section 3.2.1. */
const userinfo = /:\/\/[^\s/?#]*@/g
/**
 * Keys that AWS, Google, GitHub, GitLab, Stripe, Slack, npm and providers of language models hand out, by the beginning that
 * they all have. Names such as `npm_package_version` and `risk-assessment-of-orders` are none.
 */
const knownTokens =
  /(?:AKIA|ASIA|AIza|ya29\.|gh[pousr]_|github_pat_|[sr]k_live_|xox[a-z]-|glpat-)[A-Za-z0-9_-]{12,}|npm_[A-Za-z0-9]{20,}|\bsk-[A-Za-z0-9_-]{20,}/g
/** Characters of a JWT in compact form with what stands around it, RFC 7519. */
const dotted = /[A-Za-z0-9_.-]+/g
/** How far back from a cut a secret may have begun that can no longer be recognised without its end. */
const cutMargin = 8192

/** Redacts texts. */
export class SecretText {
  readonly #keys: SecretKeys
  readonly #queries: QueryRedaction
  readonly #maxLength: number

  /** Texts of more than `maxLength` characters are cut. */
  constructor(keys: SecretKeys, maxLength: number) {
    this.#keys = keys
    this.#queries = new QueryRedaction(keys)
    this.#maxLength = maxLength
  }

  /** `text` without secrets. */
  redact(text: string): string {
    if (text.length > this.#maxLength) return this.#cut(text)
    return suspicious.test(text) ? this.#search(text) : text
  }

  /** A query without its `?`: values under secret names are taken out, also where the name is percent-encoded. */
  query(query: string): string {
    return this.redact(this.#queries.query(query))
  }

  #cut(text: string): string {
    const least = Math.max(0, this.#maxLength - cutMargin)
    let end = this.#maxLength
    while (end > least && !` \t\n\r"',;&/?`.includes(text[end - 1] ?? '')) end--
    const kept = this.redact(text.slice(0, end))
    return `${kept}... [${text.length - end} more characters]`
  }

  #search(text: string): string {
    let clean = text
    if (clean.includes('-----BEGIN ')) clean = clean.replace(privateKey, redacted)
    clean = clean.replace(credentials, withoutCredentials).replace(knownTokens, redacted)
    if (clean.includes('eyJ')) clean = clean.replace(dotted, withoutJwt)
    if (clean.includes('://')) clean = clean.replace(userinfo, `://${redacted}:${redacted}@`)
    return redactAssignments(clean, this.#keys)
  }
}

function withoutCredentials(match: string, scheme: string, blank: string, token: string): string {
  // English sentences have "basic" before a word; base64 of a name and a password is hardly ever one.
  const isWord = scheme.toLowerCase() === 'basic' && /^[a-z]+[.-]?[a-z]*\.?$/.test(token)
  return isWord ? match : `${scheme}${blank}${redacted}`
}

/** Everything from `eyJ`, the beginning of a JSON object in base64url, if two dots follow. */
function withoutJwt(run: string): string {
  const begin = run.indexOf('eyJ')
  if (begin < 0) return run
  const dot = run.indexOf('.', begin)
  return dot >= 0 && run.includes('.', dot + 1) ? run.slice(0, begin) + redacted : run
}
