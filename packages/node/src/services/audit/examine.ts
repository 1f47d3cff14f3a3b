/**
 * Examine: reads one image of an archive, has it judged, and measures what is compared with other images.
 *
 * The steps of verify-instance.ts, with the digests of every image besides, whether or not a seal vouches for it: a sweep
 * compares what lies there. Nothing of it can sign.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { classify } from '@fiducial/core/domain/audit/classify.ts'
import { isPlain } from '@fiducial/core/domain/audit/plain-pixels.ts'
import { findStaleness } from '@fiducial/core/domain/audit/stale.ts'
import { findSyntheticMarks } from '@fiducial/core/domain/audit/synthetic.ts'
import type { InstanceRecord, LogEvidence } from '@fiducial/core/domain/log/logged-instance.ts'
import { readShape } from '@fiducial/core/domain/seal/pixels.ts'
import { Digests } from '@fiducial/core/domain/signature/digest.ts'
import { believe } from '@fiducial/core/domain/verdict/belief.ts'
import { type Evidence, gatherEvidence } from '@fiducial/core/domain/verdict/evidence.ts'
import { digestFile, type FileMarks, measureMarks } from '@fiducial/core/domain/verdict/file-marks.ts'
import { judge } from '@fiducial/core/domain/verdict/judge.ts'
import { askAbout } from '@fiducial/core/domain/verdict/log-question.ts'
import { claimsOf } from '@fiducial/core/domain/verdict/mark-claims.ts'
import { isAsked } from '@fiducial/core/domain/verdict/policy.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { readInstanceUids } from '@fiducial/core/formats/dicom/instance-uids.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { loadDecoder } from '../pixel-decoding.ts'
import type { VerifyDependencies, VerifyInput } from '../verify-instance.ts'
import type { Examined } from './ports.ts'

/**
 * Examines one image.
 *
 * Cost: as verifying it, and one pass over the file; one over its pixels where no seal vouches for them.
 * @throws {FormatError} `dicom_not_dicom`, `dicom_limit_exceeded`, `dicom_truncated`: nothing that could be judged
 */
export async function examineInstance(input: VerifyInput, dependencies: VerifyDependencies): Promise<Examined> {
  const { crypto, codecs, anchors, policy, now, log, marks: reader } = dependencies
  const file = parseDicom(input.source)
  const decodeFrame = await loadDecoder(file, codecs)
  const means = { crypto, digests: new Digests(file.dataSet, crypto.hash), ...(decodeFrame && { decodeFrame }) }
  const measured = gatherEvidence(file, input.seal, { ...means, anchors, now: now() })
  const marks = marksAsSealed(measured, crypto) ?? measureMarks(file, measured.signatures, means)
  // The judgement asks for marks only where no seal is believed.
  const marked = believe(measured.seal) === undefined ? { ...measured, marks } : measured
  const logged = log === undefined ? marked : { ...marked, log: await answerOf(log, marked, input.proof) }
  const claims = claimsOf(logged, believe(logged.seal))
  const evidence = reader === undefined ? logged : { ...logged, mark: await reader.read(file, claims) }
  const judgement = judge(evidence, policy)
  const instance = readInstanceUids(file)
  const { staleness, signers } = signaturesOf(evidence, crypto, now())
  const plain = isPlain(file)
  const digests = marks.digests as Required<Pick<FileMarks['digests'], 'file' | 'dataset'>> & FileMarks['digests']
  const { standing, findings } = classify({
    judgement,
    policy,
    log: evidence.log,
    sopInstanceUid: instance.sopInstanceUid,
    studyInstanceUid: instance.studyInstanceUid,
    digests,
    isPlain: plain,
    signatures: evidence.signatures.signatures.length + evidence.signatures.malformed.length,
    hasSeal: evidence.seal.state !== 'absent',
    staleness,
    oddities: file.findings.map(({ code }) => code),
    marks: findSyntheticMarks(file.dataSet, judgement.isSynthetic),
  })
  return {
    instance,
    lengthBytes: input.source.length,
    digests: {
      file: encodeHex(digests.file),
      dataset: encodeHex(digests.dataset),
      frames: digests.frames === undefined ? null : encodeHex(digests.frames),
    },
    frames: readShape(file.dataSet).numberOfFrames,
    isPlain: plain,
    standing,
    verdict: judgement.verdict,
    level: judgement.level,
    content: judgement.content,
    sentence: judgement.sentence,
    failing: judgement.checks.flatMap((check) =>
      check.outcome === 'fails' && isAsked(check, policy, judgement.checks)
        ? [{ subject: check.subject, reason: check.reason }]
        : [],
    ),
    findings,
    isDerived: ownRecords(evidence.log, digests).some(({ type }) => type === 'derived' || type === 'transcoded'),
    firstEntry: firstEntryOf(evidence.log, digests),
    signers,
    nextLookAt: staleness.nextLookAt,
  }
}

/** The digests that a seal states, where the file at hand is that file: nothing is measured but that. */
function marksAsSealed({ file, seal }: Evidence, crypto: Crypto): FileMarks | undefined {
  const belief = believe(seal)
  if (belief === undefined) return undefined
  const { statement } = belief
  const own = digestFile(file, crypto.hash)
  if (!equalBytes(own, statement.file)) return undefined
  const frames = statement.pixels?.root
  return { digests: { file: own, dataset: statement.dataset, ...(frames && { frames }) }, signers: [] }
}

async function answerOf(
  log: NonNullable<VerifyDependencies['log']>,
  evidence: Evidence,
  proof: Uint8Array | undefined,
): Promise<LogEvidence> {
  try {
    return await log.lookUp(askAbout(evidence, proof))
  } catch (error) {
    if (error instanceof StoreError || error instanceof FormatError) return { state: 'unavailable', code: error.code }
    throw error
  }
}

function signaturesOf(
  { signatures, log }: Evidence,
  crypto: Crypto,
  now: Date,
): { readonly staleness: ReturnType<typeof findStaleness>; readonly signers: readonly string[] } {
  const certificates = signatures.signatures.flatMap(({ signer, time }) => [
    ...signer.path.path,
    ...(time.outcome === 'holds' ? time.timestamp.path : []),
  ])
  const names = certificates.map(
    ({ issuer, serial }) => `${encodeHex(digestOf(crypto.hash, 'sha256', issuer.bytes))}:${serial}`,
  )
  return { staleness: findStaleness(signatures, log, now), signers: [...new Set(names)].sort() }
}

const DESCRIBING: ReadonlySet<string> = new Set([
  'acquired',
  'sealed-at-gateway',
  'received',
  'transcoded',
  'derived',
  'drill-injected',
])

function ownRecords(log: LogEvidence, digests: FileMarks['digests']): readonly InstanceRecord[] {
  if (log.state !== 'consulted') return []
  const isSame = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
    a !== undefined && b !== undefined && equalBytes(a, b)
  return log.records.filter(
    (record) =>
      DESCRIBING.has(record.type) &&
      (isSame(record.digests.file, digests.file) || isSame(record.digests.dataset, digests.dataset)),
  )
}

function firstEntryOf(log: LogEvidence, digests: FileMarks['digests']): string | null {
  const [first] = ownRecords(log, digests)
  return first === undefined ? null : String(first.index)
}
