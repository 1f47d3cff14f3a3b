/**
 * Verify instance: gathers the evidence about one image and has it judged.
 *
 * The order of steps: index, load the decoder if the pixels are compressed, measure, ask the custody log if there is one,
 * read the mark where there are keys, judge. Nothing of it can sign.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import type { LogEvidence } from '@fiducial/core/domain/log/logged-instance.ts'
import { type SlicePlace, slicePlaceOf } from '@fiducial/core/domain/mark/volume.ts'
import { type CoverageEntry, coverageOf } from '@fiducial/core/domain/signature/coverage.ts'
import { Digests } from '@fiducial/core/domain/signature/digest.ts'
import { readSignatures } from '@fiducial/core/domain/signature/read.ts'
import type { SignaturesReport } from '@fiducial/core/domain/signature/verify.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { believe } from '@fiducial/core/domain/verdict/belief.ts'
import { type Evidence, gatherEvidence, type SealEvidence } from '@fiducial/core/domain/verdict/evidence.ts'
import { type MarkOptions, measureMarks } from '@fiducial/core/domain/verdict/file-marks.ts'
import { type Judgement, judge } from '@fiducial/core/domain/verdict/judge.ts'
import { askAbout } from '@fiducial/core/domain/verdict/log-question.ts'
import { type ClaimedMark, claimsOf, findClaim } from '@fiducial/core/domain/verdict/mark-claims.ts'
import type { MarkEvidence } from '@fiducial/core/domain/verdict/mark-evidence.ts'
import type { Policy } from '@fiducial/core/domain/verdict/policy.ts'
import { seenByLog, wantsTime } from '@fiducial/core/domain/verdict/seen-by-log.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { Codecs } from '@fiducial/core/formats/codec/codec.ts'
import { type DicomFile, type Finding, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import { loadDecoder } from './pixel-decoding.ts'
import type { InstanceLog, InstanceMarks } from './ports.ts'

export interface VerifyDependencies {
  readonly crypto: Crypto
  readonly codecs: Codecs
  readonly anchors: TrustAnchors
  readonly policy: Policy
  readonly now: () => Date
  /** Whom to ask about each image; absent where there is no custody log, and no proofs are to be checked. */
  readonly log?: InstanceLog
  /** Who reads marks; absent where no key is at hand. */
  readonly marks?: InstanceMarks
}

export interface VerifyInput {
  readonly source: ByteSource
  /** Bytes of the seal file beside the image; absent if there is none. */
  readonly seal?: Uint8Array
  /** Bytes of the proof file beside the image; absent if there is none. */
  readonly proof?: Uint8Array
}

const SOP_INSTANCE_UID = 0x00080018
const STUDY_INSTANCE_UID = 0x0020000d

/** The judgement, and the evidence for those who want to see it. */
export interface VerifiedInstance extends Judgement {
  readonly signatures: SignaturesReport
  readonly findings: readonly Finding[]
  /** UIDs as the file has them; null where it has none. */
  readonly instance: { readonly sopInstanceUid: string | null; readonly studyInstanceUid: string | null }
  readonly seal: SealEvidence
  readonly log: LogEvidence
  readonly mark: MarkEvidence
  /** Who says that there is one, if somebody does who is believed. */
  readonly claimedMark?: ClaimedMark
  /** Where the image says that it lies in its series. */
  readonly slice: SlicePlace
  /** Who signed each attribute; made on demand, since most callers do not look. */
  coverage(): readonly CoverageEntry[]
}

/**
 * Verifies one image.
 *
 * Cost: one pass over the pixels while nothing is wrong with the image, whatever the number of signatures; with a log
 * to ask, two more over an image whose seal is not believed; with keys to read marks, one more. A log that cannot be asked is part of the evidence.
 * @throws {FormatError} `dicom_not_dicom`, `dicom_limit_exceeded`, `dicom_truncated`: nothing that could be judged
 */
export async function verifyInstance(input: VerifyInput, dependencies: VerifyDependencies): Promise<VerifiedInstance> {
  const file = parseDicom(input.source)
  const decodeFrame = await loadDecoder(file, dependencies.codecs)
  const digests = new Digests(file.dataSet, dependencies.crypto.hash)
  return verifyFile({ ...input, file, digests, ...(decodeFrame && { decodeFrame }) }, dependencies)
}

export interface VerifyFileInput extends Pick<MarkOptions, 'digests' | 'decodeFrame' | 'known'> {
  readonly file: DicomFile
  readonly seal?: Uint8Array
  readonly proof?: Uint8Array
}

/** Verifies an image that was read already, for callers that go on with it. Cost: as {@link verifyInstance}. */
export async function verifyFile(
  input: VerifyFileInput,
  dependencies: Omit<VerifyDependencies, 'codecs'>,
): Promise<VerifiedInstance> {
  const { crypto, anchors, policy, now, log, marks } = dependencies
  const { file, seal, proof, ...shared } = input
  const means = { ...shared, crypto }
  const gather = (seenAt?: Date): Evidence =>
    gatherEvidence(file, seal, { ...means, anchors, now: now(), ...(seenAt && { seenAt }) })
  const measured = gather()
  const logged = log === undefined ? measured : await askLog(log, measured, means, proof)
  const seenAt = wantsTime(logged) ? seenByLog(logged) : undefined
  // Once more with the time that the log proves: the certificates had not ended then.
  const timed = seenAt === undefined ? logged : { ...logged, ...gather(seenAt), log: logged.log }
  const belief = believe(timed.seal)
  const claimedMark = findClaim(timed, belief)
  const evidence = marks === undefined ? timed : { ...timed, mark: await marks.read(file, claimsOf(timed, belief)) }
  return {
    ...judge(evidence, policy),
    signatures: evidence.signatures,
    findings: file.findings,
    instance: {
      sopInstanceUid: textAt(file.dataSet, SOP_INSTANCE_UID) ?? null,
      studyInstanceUid: textAt(file.dataSet, STUDY_INSTANCE_UID) ?? null,
    },
    seal: evidence.seal,
    log: evidence.log,
    mark: evidence.mark,
    ...(claimedMark && { claimedMark }),
    slice: slicePlaceOf(file.dataSet),
    coverage: () => coverageOf(file.dataSet.elements, readSignatures(file.dataSet).signatures),
  }
}

/** Adds what the log says, and the marks of the file by which it may know it. */
async function askLog(
  log: InstanceLog,
  measured: Evidence,
  means: MarkOptions,
  proof: Uint8Array | undefined,
): Promise<Evidence> {
  const { file, signatures, seal } = measured
  const isNamedBySeal = believe(seal) !== undefined
  const marked = isNamedBySeal ? measured : { ...measured, marks: measureMarks(file, signatures, means) }
  return { ...marked, log: await answerOf(log, marked, proof) }
}

async function answerOf(log: InstanceLog, evidence: Evidence, proof: Uint8Array | undefined): Promise<LogEvidence> {
  try {
    return await log.lookUp(askAbout(evidence, proof))
  } catch (error) {
    if (error instanceof StoreError || error instanceof FormatError) return { state: 'unavailable', code: error.code }
    throw error
  }
}
