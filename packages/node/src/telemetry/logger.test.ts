import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { createLogger, type LogFields, type LoggerOptions } from './logger.ts'

function open(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = []
  const logger = createLogger({ level: 'debug', stream: { write: (line) => void lines.push(line) }, ...options })
  return { logger, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> }
}

describe('logger', () => {
  it('writes a line of JSON with its moment and the fields that it knows', () => {
    const { logger, last } = open()
    logger.info('judged', {
      part: 'pipeline',
      instance: 'X',
      verdict: 'authentic',
      durationMs: 12.34567,
      reasons: ['a'],
    })
    const { time, ...rest } = last()
    assert.match(String(time), /^\d{4}-\d\d-\d\dT.*Z$/)
    const told = { part: 'pipeline', instance: 'X', verdict: 'authentic', durationMs: 12.346, reasons: ['a'] }
    assert.deepEqual(rest, { severity: 'info', message: 'judged', ...told })
  })

  it('leaves out whatever it has no name for', () => {
    const { logger, lines } = open()
    const instance = { part: 'x', patientName: 'DOE^JANE', token: 'fiducial_1_2', sopInstanceUid: '1.2.3' }
    logger.info('m', instance as LogFields)
    logger.error('m', instance as LogFields, new TypeError('DOE^JANE'))
    assert.ok(!/DOE|fiducial_|1\.2\.3/.test(lines.join('')))
    logger.debug('m', instance as LogFields)
    assert.match(lines.at(-1) ?? '', /1\.2\.3/)
  })

  it('tells of an error of ours by its code, and of a defect by its places', () => {
    const { logger, last } = open()
    logger.error('failed', {}, new StoreError('spool_full', 'no room'))
    assert.equal(last().code, 'spool_full')
    logger.error('failed', {}, new TypeError('secret'))
    assert.match(String(last().defect), /^TypeError \| at /)
  })

  it('keeps a line a line, whatever somebody sent', () => {
    const { logger, lines } = open()
    logger.warn('m', { callingAet: `A\nB\u001b[31m\u202e${'x'.repeat(400)}` })
    assert.equal(lines.length, 1)
    assert.equal(lines[0]?.trimEnd().includes('\n'), false)
    assert.ok(!/[\u001b\u202e]/.test(lines[0] ?? ''))
    assert.ok((lines[0] ?? '').length < 450)
  })

  it('writes short lines for people, and nothing below its level', () => {
    const { logger, lines } = open({ isForPeople: true, level: 'info' })
    logger.debug('hidden')
    logger.warn('held back', { instance: 'X', reasons: ['uid_reused', 'late'], route: null })
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /^\d\d:\d\d:\d\d warn: held back {2}instance=X reasons=uid_reused,late\n$/)
  })
})
