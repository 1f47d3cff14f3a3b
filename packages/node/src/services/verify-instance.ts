/**
 * Verify instance: gathers the evidence about one image and has it judged.
 *
 * The order of steps: index, load the decoder if the pixels are compressed, check signatures, fragments and seal over
 * one set of digests, judge. Nothing of it can sign.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { Codecs } from '@fiducial/core/formats/codec/codec.ts'
import { type DicomFile, type Finding, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { compareInstance } from '@fiducial/core/domain/seal/compare.ts'
import type { DecodeFrame } from '@fiducial/core/domain/seal/pixels.ts'
import { parseSeal, type Seal } from '@fiducial/core/domain/seal/seal.ts'
import { verifySeal } from '@fiducial/core/domain/seal/verify.ts'
import { type CoverageEntry, coverageOf } from '@fiducial/core/domain/signature/coverage.ts'
import { decodedPixels } from '@fiducial/core/domain/signature/decoded-pixels.ts'
import { Digests } from '@fiducial/core/domain/signature/digest.ts'
import { checkFragments } from '@fiducial/core/domain/signature/fragments.ts'
import { readSignatures } from '@fiducial/core/domain/signature/read.ts'
import { type SignaturesReport, verifySignatures } from '@fiducial/core/domain/signature/verify.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import type { SealEvidence } from '@fiducial/core/domain/verdict/evidence.ts'
import { judge, type Judgement } from '@fiducial/core/domain/verdict/judge.ts'
import type { Policy } from '@fiducial/core/domain/verdict/policy.ts'
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
  const { crypto, anchors, policy, now } = dependencies
  const file = parseDicom(input.source)
  const decodeFrame = await loadDecoder(file, dependencies.codecs)
  const digests = new Digests(file.dataSet, crypto.hash)
  const moment = now()
  const signatures = verifySignatures(file, {
    digests,
    crypto,
    anchors,
    now: moment,
    ...(decodeFrame === undefined ? {} : { decodePixels: () => decodedPixels(file, decodeFrame) }),
  })
  const seal = readSeal(input.seal, file, digests, decodeFrame, moment, dependencies)
  const judgement = judge({ file, signatures, fragments: checkFragments(file), seal }, policy)
  return {
    ...judgement,
    signatures,
    findings: file.findings,
    seal,
    coverage: () => coverageOf(file.dataSet.elements, readSignatures(file.dataSet).signatures),
  }
}

function readSeal(
  bytes: Uint8Array | undefined,
  file: DicomFile,
  digests: Digests,
  decodeFrame: DecodeFrame | undefined,
  now: Date,
  { crypto, anchors }: VerifyDependencies,
): SealEvidence {
  if (bytes === undefined) return { state: 'absent' }
  let seal: Seal
  try {
    seal = parseSeal(bytes)
  } catch (error) {
    if (error instanceof FormatError) return { state: 'malformed', code: error.code }
    throw error
  }
  const report = verifySeal(seal, { crypto, anchors, now })
  const comparison = compareInstance(seal.statement, file, {
    hashes: crypto.hash,
    digests,
    frames: seal.frames,
    ...(decodeFrame === undefined ? {} : { decodeFrame }),
  })
  return { state: 'present', report, comparison }
}
