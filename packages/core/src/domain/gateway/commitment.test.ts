import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { FormatError } from '../../errors.ts'
import { encodeElements } from '../../formats/dicom/encode.ts'
import { type DataSet, parseDataSet } from '../../formats/dicom/parse.ts'
import {
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  encodingOf,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../formats/dicom/transfer-syntax.ts'
import { sq, text } from '../../formats/dicom/values.ts'
import {
  type CommitmentPolicy,
  decideCommitment,
  formatCommitmentReport,
  formatCommitmentRequest,
  type KeptInstance,
  readCommitmentReport,
  readCommitmentRequest,
} from './commitment.ts'

const CT = '1.2.840.10008.5.1.4.1.1.2'
const reference = { sopClassUid: CT, sopInstanceUid: '1.2.3' }
const sent = { state: 'sent', committedAt: null } as const
const kept = (given: Partial<KeptInstance> = {}): KeptInstance => ({
  sopClassUid: CT,
  state: 'done',
  deliveries: [sent],
  ...given,
})
const parsed = (bytes: Uint8Array, syntax: string): DataSet => parseDataSet(memorySource(bytes), syntax)

const outcome = (instances: readonly KeptInstance[], policy: CommitmentPolicy): string | number => {
  const decision = decideCommitment(reference, instances, policy)
  return decision.outcome === 'failed' ? decision.reason : decision.outcome
}

describe('commitment of the gateway', () => {
  it('is refused for what it does not have, or has as something else', () => {
    assert.equal(outcome([], 'received'), 0x0112)
    assert.equal(outcome([kept({ sopClassUid: '1.2' })], 'received'), 0x0119)
    assert.equal(outcome([kept({ sopClassUid: null })], 'received'), 'committed')
  })

  const waiting = { state: 'waiting', committedAt: null } as const
  const dead = { state: 'dead', committedAt: null } as const
  const committed = { state: 'sent', committedAt: new Date(0) } as const
  const rows: readonly (readonly [string, KeptInstance, string | number, string | number, string | number])[] = [
    ['received', kept({ state: 'received', deliveries: [] }), 'committed', 'pending', 'pending'],
    ['under way', kept({ state: 'forwarding', deliveries: [sent, waiting] }), 'committed', 'pending', 'pending'],
    ['delivered', kept(), 'committed', 'committed', 'pending'],
    ['committed by one of two', kept({ deliveries: [committed, sent] }), 'committed', 'committed', 'pending'],
    ['committed', kept({ deliveries: [committed] }), 'committed', 'committed', 'committed'],
    ['given up', kept({ deliveries: [sent, dead] }), 'committed', 0x0110, 0x0110],
    ['dropped', kept({ deliveries: [] }), 'committed', 0x0110, 0x0110],
    ['in quarantine', kept({ state: 'quarantined' }), 'pending', 'pending', 'pending'],
    ['rejected', kept({ state: 'rejected' }), 0x0110, 0x0110, 0x0110],
  ]
  for (const [what, instance, received, delivered, byPeer] of rows) {
    it(`depends on the policy for an instance that is ${what}`, () => {
      assert.equal(outcome([instance], 'received'), received)
      assert.equal(outcome([instance], 'delivered'), delivered)
      assert.equal(outcome([instance], 'committed'), byPeer)
    })
  }

  it('takes the one that fares best of several under one UID', () => {
    assert.equal(outcome([kept({ deliveries: [] }), kept(), kept({ state: 'rejected' })], 'delivered'), 'committed')
    assert.equal(outcome([kept({ state: 'rejected' }), kept({ state: 'quarantined' })], 'delivered'), 'pending')
  })
})

describe('messages of storage commitment', () => {
  for (const syntax of [IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN]) {
    it(`are read as they were written in ${syntax}`, () => {
      const request = { transactionUid: '2.25.7', references: [reference, { ...reference, sopInstanceUid: '1.2.4' }] }
      assert.deepEqual(readCommitmentRequest(parsed(formatCommitmentRequest(request, syntax), syntax)), request)
      const report = { transactionUid: '2.25.7', committed: [reference], failed: [{ ...reference, reason: 0x0112 }] }
      assert.deepEqual(readCommitmentReport(parsed(formatCommitmentReport(report, syntax, 'PACS'), syntax)), report)
      const none = { transactionUid: '2.25.7', committed: [], failed: [] }
      assert.deepEqual(readCommitmentReport(parsed(formatCommitmentReport(none, syntax), syntax)), none)
    })
  }

  it('are refused without their UIDs', () => {
    const made = (...elements: Parameters<typeof encodeElements>[0]): DataSet =>
      parsed(encodeElements(elements, encodingOf(IMPLICIT_LITTLE_ENDIAN)), IMPLICIT_LITTLE_ENDIAN)
    const malformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'dimse_malformed'
    assert.throws(() => readCommitmentRequest(made()), malformed)
    assert.throws(() => readCommitmentRequest(made(text(0x00081195, 'UI', 'abc'))), malformed)
    const item = [text(0x00081150, 'UI', CT)]
    assert.throws(() => readCommitmentRequest(made(text(0x00081195, 'UI', '1.2'), sq(0x00081199, item))), malformed)
    assert.throws(() => readCommitmentReport(made(text(0x00081195, 'UI', '1.2'), sq(0x00081198, item))), malformed)
  })
})
