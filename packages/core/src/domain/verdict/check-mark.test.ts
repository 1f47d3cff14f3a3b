/** What a mark in the pixels adds up to: beside a seal that claims it, beside a log, and where nobody speaks for the image. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { text } from '../../formats/dicom/values.ts'
import {
  device,
  hashes,
  operator,
  toyDescription,
  toyElements,
  toyFile,
  toyMarkClaim,
  toySeal,
  toyStatement,
  verifyOptions,
} from '../../testing/toy-seal.ts'
import type { InstanceRecord, LogEvidence } from '../log/logged-instance.ts'
import type { MarkClaim } from '../seal/mark-claim.ts'
import { formatSeal } from '../seal/seal.ts'
import { signSeal } from '../seal/sign.ts'
import { believe } from './belief.ts'
import { type Evidence, gatherEvidence } from './evidence.ts'
import { type Judgement, judge } from './judge.ts'
import { claimsOf } from './mark-claims.ts'
import type { MarkEvidence, MarkReading, MarkRegion } from './mark-evidence.ts'
import { ACQUISITION_POLICY, POLICIES, type Policy } from './policy.ts'

const MINE = encodeHex(toyMarkClaim.recordId)
const OTHER = '00112233445566ff'
const UID = '2.25.1001'
const MARKED: Policy = { ...ACQUISITION_POLICY, name: 'marked', requires: ['mark'] }

const whole: MarkReading = {
  state: 'read',
  recordId: MINE,
  by: 'tiles',
  instanceUid: UID,
  device: 'room-2',
  tiles: 'holds',
  signature: 'holds',
  contradictions: [],
  altered: [],
  foreign: [],
}
const region: MarkRegion = { frame: 1, x: 32, y: 64, width: 64, height: 32 }

async function sealed(mark: MarkClaim | null, file = toyFile()): Promise<Evidence> {
  const description = toyDescription(file)
  const seal = await signSeal({
    statement: toyStatement(description, { mark }),
    frames: description.frames,
    signers: { device, operator },
    hashes,
  })
  return gatherEvidence(file, formatSeal(seal), verifyOptions)
}

/** A seal that is believed has a timestamp. */
async function believed(mark: MarkClaim | null, file = toyFile()): Promise<Evidence> {
  const description = toyDescription(file)
  const seal = await toySeal({ statement: toyStatement(description, { mark }), frames: description.frames })
  return gatherEvidence(file, formatSeal(seal), verifyOptions)
}

const logged = (records: readonly Partial<InstanceRecord>[]): LogEvidence => ({
  state: 'consulted',
  origin: 'example.org/log',
  size: 1000n,
  isWitnessed: true,
  records: records.map((record, i) => ({
    index: BigInt(i),
    type: 'acquired',
    at: new Date(0),
    digests: {},
    sopInstanceUid: UID,
    ...record,
  })),
})

const answersOf = ({ checks }: Judgement): readonly string[] =>
  checks.flatMap((check) =>
    check.subject !== 'mark' ? [] : [check.outcome === 'holds' ? 'holds' : `${check.outcome}: ${check.reason}`],
  )
const answers = (evidence: Evidence, mark: MarkEvidence, policy = ACQUISITION_POLICY): readonly string[] =>
  answersOf(judge({ ...evidence, mark }, policy))
const contentOf = (evidence: Evidence, mark: MarkEvidence): string =>
  judge({ ...evidence, mark }, ACQUISITION_POLICY).content

describe('an image whose seal claims a mark', () => {
  let good: Evidence
  before(async () => {
    good = await believed(toyMarkClaim)
  })

  it('holds where the pixels carry it whole', () => {
    assert.deepEqual(answers(good, whole), ['holds'])
    assert.equal(contentOf(good, whole), 'unchanged')
  })

  it('is told of, and nothing is taken away, where no key is at hand', () => {
    for (const mark of [{ state: 'not_looked' }, { state: 'key_missing' }] as const) {
      assert.deepEqual(answers(good, mark), ['unknown: mark_key_missing'])
      assert.equal(judge({ ...good, mark }, MARKED).verdict, 'undetermined')
    }
    const without = judge(good, ACQUISITION_POLICY)
    const beside = judge({ ...good, mark: whole }, ACQUISITION_POLICY)
    assert.equal(without.verdict, beside.verdict)
  })

  it('is unknown where the pixels cannot be read', () => {
    assert.deepEqual(answers(good, { state: 'unreadable', code: 'codec_unsupported' }), ['unknown: mark_unreadable'])
  })

  it('fails under every policy where the mark is gone', () => {
    const gone: MarkEvidence = { state: 'absent' }
    assert.deepEqual(answers(good, gone), ['fails: mark_missing'])
    for (const policy of Object.values(POLICIES)) {
      assert.equal(judge({ ...good, mark: gone }, policy).verdict, 'not_authentic', policy.name)
    }
    assert.match(judge({ ...good, mark: gone }, MARKED).sentence, /it was marked, and the mark is gone from its pixels/)
  })

  it('says where tiles do not hold', () => {
    const altered: MarkReading = { ...whole, tiles: 'altered', signature: 'unknown', altered: [region] }
    const judged = judge({ ...good, mark: altered }, ACQUISITION_POLICY)
    assert.deepEqual(
      judged.checks.filter(({ subject }) => subject === 'mark'),
      [{ subject: 'mark', outcome: 'fails', reason: 'mark_altered', where: ['frame 1: 64 × 32 at 32, 64'] }],
    )
    assert.equal(judged.content, 'altered')
  })

  it('is contradicted by tiles that were copied from elsewhere, and says from where', () => {
    const foreign = [
      { ...region, recordId: MINE, fromFrame: 1 },
      { ...region, x: 96, recordId: OTHER, fromFrame: 2 },
    ]
    const copied: MarkReading = { ...whole, tiles: 'altered', signature: 'unknown', foreign }
    const judged = judge({ ...good, mark: copied }, ACQUISITION_POLICY)
    assert.deepEqual(
      judged.checks.filter(({ subject }) => subject === 'mark'),
      [
        {
          subject: 'mark',
          outcome: 'fails',
          reason: 'mark_foreign',
          where: [
            'frame 1: 64 × 32 at 32, 64 from this image, frame 1',
            `frame 1: 64 × 32 at 96, 64 from record ${OTHER}, frame 2`,
          ],
        },
      ],
    )
    assert.equal(judged.content, 'contradicted')
  })

  it('is contradicted by the mark of another image', () => {
    const other: MarkReading = { ...whole, recordId: OTHER, instanceUid: '2.25.2002' }
    assert.deepEqual(answers(good, other), ['fails: mark_of_other'])
    assert.equal(contentOf(good, other), 'contradicted')
    // By whatever identifier: the seal says which record it has to be.
    assert.deepEqual(answers(good, { ...other, instanceUid: UID }), ['fails: mark_of_other'])
  })

  it('is contradicted by tiles that say something else than their key', () => {
    const swapped: MarkReading = { ...whole, contradictions: ['plane', 'volume'] }
    assert.deepEqual(answers(good, swapped), ['fails: mark_contradicted'])
    assert.equal(contentOf(good, swapped), 'contradicted')
  })

  it('misses tiles of which only chips are left', () => {
    const chips: MarkReading = { ...whole, by: 'chips', tiles: 'absent', signature: 'unknown' }
    assert.deepEqual(answers(good, chips), ['fails: mark_missing'])
  })
})

describe('an image of which a seal that nobody believes claims a mark', () => {
  it('is not accused of lacking it', async () => {
    const evidence = await sealed(toyMarkClaim)
    assert.equal(believe(evidence.seal), undefined)
    assert.deepEqual(answers(evidence, { state: 'absent' }), [])
    // It may still name the key to look with.
    assert.deepEqual(
      claimsOf(evidence, undefined).map(({ recordId }) => encodeHex(recordId)),
      [MINE],
    )
  })
})

describe('an image of which nobody claims a mark', () => {
  const bare = gatherEvidence(toyFile(), undefined, verifyOptions)

  it('has no such check unless a policy asks', () => {
    for (const mark of [{ state: 'not_looked' }, { state: 'absent' }, { state: 'key_missing' }] as const) {
      assert.deepEqual(answers(bare, mark), [])
      assert.deepEqual(answers(bare, mark, MARKED), ['unknown: mark_unclaimed'])
    }
  })

  it('is told to carry a known mark, which makes it no more than undetermined', () => {
    const judged = judge({ ...bare, mark: whole }, ACQUISITION_POLICY)
    assert.deepEqual(answersOf(judged), ['holds'])
    assert.deepEqual([judged.verdict, judged.level], ['undetermined', 'P0'])
    assert.match(judged.sentence, /^Nobody signed this file, but its pixels carry the mark of a known device, whole\./)
  })

  it('fails where its pixels were marked as another instance', () => {
    const replay = gatherEvidence(toyFile(toyElements([text(0x00080018, 'UI', '2.25.9')])), undefined, verifyOptions)
    const judged = judge({ ...replay, mark: whole }, ACQUISITION_POLICY)
    assert.deepEqual(answersOf(judged), ['fails: mark_of_other'])
    assert.deepEqual([judged.verdict, judged.content], ['not_authentic', 'contradicted'])
    assert.match(judged.sentence, /the mark in its pixels is that of another picture/)
  })

  it('holds where the custody log says that it was derived from that instance', () => {
    const derived = gatherEvidence(toyFile(toyElements([text(0x00080018, 'UI', '2.25.9')])), undefined, verifyOptions)
    const log = logged([{ type: 'derived', sopInstanceUid: '2.25.9', sourceInstanceUid: UID }])
    assert.deepEqual(answers({ ...derived, log }, whole), ['holds'])
    const unrelated = logged([{ type: 'derived', sopInstanceUid: '2.25.9', sourceInstanceUid: '2.25.8' }])
    assert.deepEqual(answers({ ...derived, log: unrelated }, whole), ['fails: mark_of_other'])
  })

  it('is led back by its chips, and altered where tiles are', () => {
    const chips: MarkReading = { ...whole, by: 'chips', tiles: 'absent', signature: 'unknown' }
    assert.deepEqual(answers(bare, chips), ['unknown: mark_tiles_gone'])
    const altered: MarkReading = { ...whole, tiles: 'altered', signature: 'unknown', altered: [region] }
    assert.equal(contentOf(bare, altered), 'altered')
  })

  it('may be one that was sealed without a mark', async () => {
    const unmarked = await believed(null)
    assert.deepEqual(answers(unmarked, { state: 'absent' }), [])
    assert.deepEqual(answers(unmarked, whole), ['holds'])
    assert.deepEqual(answers(unmarked, { ...whole, instanceUid: '2.25.2002' }), ['fails: mark_of_other'])
  })
})

describe('an image whose seal is gone', () => {
  const mark = { recordId: toyMarkClaim.recordId, publicKey: toyMarkClaim.publicKey }
  const stripped = { ...gatherEvidence(toyFile(), undefined, verifyOptions), log: logged([{ mark }]) }

  it('is marked where the custody log says so', () => {
    assert.deepEqual(answers(stripped, { state: 'absent' }), ['fails: mark_missing'])
    assert.deepEqual(answers(stripped, { state: 'not_looked' }), ['unknown: mark_key_missing'])
    assert.deepEqual(answers(stripped, { ...whole, recordId: OTHER }), ['fails: mark_of_other'])
    assert.deepEqual(
      claimsOf(stripped, undefined).map(({ recordId }) => encodeHex(recordId)),
      [MINE],
    )
  })

  it('may have lost its mark to a compressor that says so', () => {
    const lossy = gatherEvidence(toyFile(toyElements([text(0x00282110, 'CS', '01')])), undefined, verifyOptions)
    assert.deepEqual(answers({ ...lossy, log: stripped.log }, { state: 'absent' }), ['unknown: compressed_with_loss'])
  })

  it('is not taken for an image that the log only knows by its pixels', () => {
    const others = logged([{ mark, sopInstanceUid: '2.25.77' }])
    assert.deepEqual(answers({ ...stripped, log: others }, { state: 'absent' }), [])
  })
})
