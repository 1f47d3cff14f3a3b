import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LogEvidence } from '../log/logged-instance.ts'
import type { SignatureReport } from '../signature/verify.ts'
import type { TrustAnchors } from '../trust/anchors.ts'
import { findStaleLists, findStaleness } from './stale.ts'

const NOW = new Date('2026-06-01T00:00:00Z')
const DAY_MS = 86_400_000
const inDays = (days: number): Date => new Date(NOW.getTime() + days * DAY_MS)
const NO_LOG: LogEvidence = { state: 'not_consulted' }

interface Kind {
  readonly certificate: number
  readonly timestamp?: number
  readonly isWeakHash?: boolean
  readonly mac?: 'holds' | 'fails'
}

/** As much of a report as is asked for. */
function reportOf({ certificate, timestamp, isWeakHash = false, mac = 'holds' }: Kind): SignatureReport {
  const time =
    timestamp === undefined
      ? { outcome: 'unknown', reason: 'no_timestamp' }
      : { outcome: 'holds', time: NOW, timestamp: { isWeak: false, authority: { notAfter: inDays(timestamp) } } }
  return {
    path: '',
    mac: { outcome: mac },
    isWeakHash,
    signer: { certificate: { notAfter: inDays(certificate) } },
    time,
  } as unknown as SignatureReport
}

const staleness = (kind: Kind, log: LogEvidence = NO_LOG) =>
  findStaleness({ signatures: [reportOf(kind)], malformed: [] }, log, NOW)

describe('findStaleness', () => {
  it('counts the certificate where nobody proves the time, and else that of the authority', () => {
    assert.deepEqual(staleness({ certificate: -1 }).reasons, ['certificate_ended'])
    assert.deepEqual(staleness({ certificate: 10 }).reasons, ['certificate_ending'])
    assert.deepEqual(staleness({ certificate: -1, timestamp: 1000 }).reasons, [])
    assert.deepEqual(staleness({ certificate: 1000, timestamp: -1 }).reasons, ['timestamp_ended'])
    assert.deepEqual(staleness({ certificate: 1000, timestamp: 89 }).reasons, ['timestamp_ending'])
  })

  it('says when to look again: when it begins to end, and when it has', () => {
    assert.deepEqual(staleness({ certificate: 1000 }).nextLookAt, inDays(910))
    assert.deepEqual(staleness({ certificate: 10 }).nextLookAt, inDays(10))
    assert.equal(staleness({ certificate: -1 }).nextLookAt, null)
  })

  it('lets a log carry a signature on that had it in time', () => {
    const entry = { index: 1n, inclusion: 'holds', notAfter: NOW } as const
    const log = { state: 'proof', origin: 'log', size: 9n, isWitnessed: true, entry } as const
    assert.deepEqual(staleness({ certificate: -1 }, log), { reasons: [], nextLookAt: null })
    const { notAfter: _, ...undated } = entry
    assert.deepEqual(staleness({ certificate: -1 }, { ...log, entry: undated }).reasons, ['certificate_ended'])
  })

  it('warns of digests for which collisions can be made', () => {
    assert.deepEqual(staleness({ certificate: 1000, isWeakHash: true }).reasons, ['weak_digest'])
  })

  it('says nothing of a signature that is wrong', () => {
    assert.deepEqual(staleness({ certificate: -1, mac: 'fails' }), { reasons: [], nextLookAt: null })
  })
})

describe('findStaleLists', () => {
  const listOf = (text: string, days: number | undefined) => ({
    issuer: { text },
    ...(days !== undefined && { nextUpdate: inDays(days) }),
  })
  const anchorsOf = (...crls: readonly ReturnType<typeof listOf>[]) => ({ crls }) as unknown as TrustAnchors

  it('gives the issuers whose newest list has ended', () => {
    const anchors = anchorsOf(listOf('A', -5), listOf('A', 3), listOf('B', -2), listOf('C', undefined))
    assert.deepEqual(findStaleLists(anchors, NOW), [{ issuer: 'B', nextUpdate: inDays(-2) }])
  })
})
