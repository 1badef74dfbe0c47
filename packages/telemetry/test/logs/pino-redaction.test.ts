import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pinoRedaction, redactingFormatter, redactingSerializers } from '../../src/logs/pino-redaction.ts'
import { redact, Redaction } from '../../src/logs/redaction.ts'
import { traceFields } from '../../src/logs/trace-fields.ts'
import { Lines } from './lines.ts'

class QuotaError extends Error {
  readonly code = 'E_QUOTA'
}

describe('pino with redaction', () => {
  it('writes no secret of fields, messages, values in messages and shared fields', () => {
    const lines = new Lines({ mixin: traceFields, ...pinoRedaction(), base: { token: 'hunter2', app: 'shop' } })
    const { logger } = lines
    logger.info({ headers: { authorization: 'hunter2' }, order: 7 }, 'sent Bearer hunter2')
    logger.info('with %s and %o', 'Bearer hunter2', { password: 'hunter2' })
    logger.info('password=hunter2')
    assert.ok(!lines.texts.join('').includes('hunter2'), lines.texts.join(''))
    const [first, second, third] = lines.all
    assert.deepEqual(first, {
      level: 30,
      token: 'REDACTED',
      app: 'shop',
      headers: { authorization: 'REDACTED' },
      order: 7,
      msg: 'sent Bearer REDACTED',
    })
    assert.match(String(second?.['msg']), /^with Bearer REDACTED and .*password.*REDACTED/)
    assert.equal(third?.['msg'], 'password=REDACTED')
  })

  it('keeps what an error is, alone, as a field and with a message', () => {
    const lines = new Lines({ ...pinoRedaction() })
    const error = new QuotaError('Bearer hunter2', { cause: new Error('token=hunter2') })
    lines.logger.error(error)
    lines.logger.error({ err: error, order: 7 }, 'failed')
    lines.logger.error(error, 'failed for %s', 'me')
    assert.ok(!lines.texts.join('').includes('hunter2'), lines.texts.join(''))
    for (const line of lines.all) {
      const { type, message, code, stack, cause } = line['err'] as Record<string, unknown>
      assert.deepEqual({ type, message, code }, { type: 'QuotaError', message: 'Bearer REDACTED', code: 'E_QUOTA' })
      assert.match(String(stack), /Bearer REDACTED\n\s+at /)
      assert.equal((cause as { message: string }).message, 'token=REDACTED')
    }
    assert.deepEqual(
      lines.all.map(({ msg }) => msg),
      ['Bearer REDACTED', 'failed', 'failed for me'],
    )
  })

  it('hides secret names among the bindings of children, and all else where they are redacted', () => {
    const lines = new Lines({ ...pinoRedaction(new Redaction({ keys: ['iban'] })) })
    lines.logger.child({ accessToken: 'hunter2', 'X-Api-Key': 'hunter2', iban: 'hunter2', tenant: 'a' }).info('x')
    lines.logger.child(redact({ deep: { url: 'http://a:hunter2@b/' } }) as object).info('y')
    assert.deepEqual(lines.all, [
      { level: 30, accessToken: 'REDACTED', 'X-Api-Key': 'REDACTED', iban: 'REDACTED', tenant: 'a', msg: 'x' },
      { level: 30, deep: { url: 'http://REDACTED:REDACTED@b/' }, msg: 'y' },
    ])
  })

  it('works in parts, with the serializer of errors that pino has', () => {
    const lines = new Lines({ formatters: { log: redactingFormatter() } })
    lines.logger.error(new QuotaError('Bearer hunter2'))
    const { type, message, code } = (lines.all[0] ?? {})['err'] as Record<string, unknown>
    assert.deepEqual({ type, message, code }, { type: 'QuotaError', message: 'Bearer REDACTED', code: 'E_QUOTA' })
    const other = new Lines({ serializers: redactingSerializers() })
    other.logger.error({ err: new QuotaError('Bearer hunter2'), cookie: 'hunter2' }, 'failed')
    assert.ok(!other.texts.join('').includes('hunter2'), other.texts.join(''))
    assert.equal(((other.all[0] ?? {})['err'] as { type: string }).type, 'QuotaError')
  })
})
