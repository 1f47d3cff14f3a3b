/**
 * Verify instance: gathers the evidence about one image and has it judged.
 *
 * The order of steps: index, load the decoder if the pixels are compressed, measure, judge. Nothing of it can sign.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import { type CoverageEntry, coverageOf } from '@fiducial/core/domain/signature/coverage.ts'
import { readSignatures } from '@fiducial/core/domain/signature/read.ts'
import type { SignaturesReport } from '@fiducial/core/domain/signature/verify.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { gatherEvidence, type SealEvidence } from '@fiducial/core/domain/verdict/evidence.ts'
import { type Judgement, judge } from '@fiducial/core/domain/verdict/judge.ts'
import type { Policy } from '@fiducial/core/domain/verdict/policy.ts'
import type { Codecs } from '@fiducial/core/formats/codec/codec.ts'
import { type Finding, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { loadDecoder } from './pixel-decoding.ts'

export interface VerifyDependencies {
  readonly crypto: Crypto
  readonly codecs: Codecs
  readonly anchors: TrustAnchors
  readonly policy: Policy
  readonly now: () => Date
}

export interface VerifyInput {
  readonly source: ByteSource
  /** Bytes of the seal file beside the image; absent if there is none. */
  readonly seal?: Uint8Array
}

/** The judgement, and the evidence for those who want to see it. */
export interface VerifiedInstance extends Judgement {
  readonly signatures: SignaturesReport
  readonly findings: readonly Finding[]
  readonly seal: SealEvidence
  /** Who signed each attribute; made on demand, since most callers do not look. */
  coverage(): readonly CoverageEntry[]
}

/**
 * Verifies one image.
 *
 * Cost: one pass over the pixels while nothing is wrong with the image, whatever the number of signatures.
 * @throws {FormatError} `dicom_not_dicom`, `dicom_limit_exceeded`, `dicom_truncated`: nothing that could be judged
 */
export async function verifyInstance(input: VerifyInput, dependencies: VerifyDependencies): Promise<VerifiedInstance> {
  const { crypto, codecs, anchors, policy, now } = dependencies
  const file = parseDicom(input.source)
  const decodeFrame = await loadDecoder(file, codecs)
  const options = { crypto, anchors, now: now(), ...(decodeFrame === undefined ? {} : { decodeFrame }) }
  const evidence = gatherEvidence(file, input.seal, options)
  return {
    ...judge(evidence, policy),
    signatures: evidence.signatures,
    findings: file.findings,
    seal: evidence.seal,
    coverage: () => coverageOf(file.dataSet.elements, readSignatures(file.dataSet).signatures),
  }
}
