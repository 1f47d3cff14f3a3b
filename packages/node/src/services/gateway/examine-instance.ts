/**
 * Examine instance: one look at the bytes of an instance: who vouches for it, what it is, and what its header gives away.
 *
 * Everything shares one index and one pass over each part: the digest of the data set serves signatures and log, and that of
 * the file is known since it came in. Runs in a thread of the examiner.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { type AttributePath, readAttribute } from '@fiducial/core/domain/gateway/attribute-path.ts'
import { checkHeader, type StatedObject } from '@fiducial/core/domain/gateway/header-rules.ts'
import type { InstanceVerdict } from '@fiducial/core/domain/gateway/instance.ts'
import type { Examination } from '@fiducial/core/domain/gateway/passage.ts'
import { Digests, type Passes } from '@fiducial/core/domain/signature/digest.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { describeFile } from '../log/describe-image.ts'
import { loadDecoder } from '../pixel-decoding.ts'
import { type VerifiedInstance, type VerifyDependencies, verifyFile } from '../verify-instance.ts'

/** Somebody who looks at an image for signs of forgery, and is believed less than any evidence. */
export interface Advisor {
  /** One of {@link ADVISORS}. */
  readonly name: string
  /** Codes of what it sees; none where it sees nothing. */
  look(file: DicomFile): Promise<readonly string[]>
}

/**
 * Who may look at an image besides. Those that are not there are named as absent: also whoever reads marks, although what a mark
 * shows is evidence and counts with the verdict.
 */
export const ADVISORS = ['mark', 'watchdog'] as const

export interface ExamineDependencies extends VerifyDependencies {
  readonly advisors: readonly Advisor[]
}

export interface ExamineInput {
  readonly source: ByteSource
  /** Of all its bytes. */
  readonly sha256: Uint8Array
  readonly isToBeChecked: boolean
  /** A seal that was made of the same instance before. */
  readonly seal?: Uint8Array
  readonly stated: StatedObject
  readonly attributes: readonly AttributePath[]
  /** Gets the passes over the data set, which whoever seals it need not make again. */
  readonly onMeasured?: (passes: Passes) => void
}

/**
 * Examines an instance. Cost: a pass over the data set and one over the pixels; one more for each seal or signature.
 * @throws {StoreError} `spool_corrupted` where the bytes are not those of the digest, and that was to be checked
 */
export async function examineInstance(input: ExamineInput, dependencies: ExamineDependencies): Promise<Examination> {
  const { source, sha256, isToBeChecked, seal, stated, attributes, onMeasured } = input
  const { crypto, codecs, advisors, policy, now } = dependencies
  if (isToBeChecked && !equalBytes(digestOfSource(source, crypto), sha256))
    throw new StoreError('spool_corrupted', 'the file is not what was taken in')
  try {
    const file = parseDicom(source)
    const decodeFrame = await loadDecoder(file, codecs)
    const digests = new Digests(file.dataSet, crypto.hash)
    const shared = { digests, ...(decodeFrame && { decodeFrame }) }
    const description = describeFile(file, crypto.hash, { ...shared, sha256 })
    const known = { file: sha256, frames: description.digests.frames?.root ?? null }
    const verified = await verifyFile({ ...shared, file, known, ...(seal && { seal }) }, dependencies)
    onMeasured?.(digests.passes)
    const looks = await Promise.all(advisors.map((advisor) => advisor.look(file)))
    return {
      state: 'examined',
      description,
      verdict: verdictOf(verified, policy.name),
      isSealed: verified.signatures.signatures.length > 0 || verified.seal.state !== 'absent',
      flags: [...checkHeader(file, stated, now()), ...looks.flat()],
      attributes: Object.fromEntries(attributes.map((path) => [path.name, readAttribute(file.dataSet, path)])),
      log: verified.log.state,
    }
  } catch (error) {
    if (error instanceof FormatError) return { state: 'unreadable', code: error.code }
    throw error
  }
}

function verdictOf(verified: VerifiedInstance, policy: string): InstanceVerdict {
  const { verdict, level, content, sentence, isSynthetic, checks } = verified
  return {
    verdict,
    level,
    content,
    policy,
    sentence,
    isSynthetic,
    failing: checks.flatMap((check) =>
      check.outcome === 'fails' ? [{ subject: check.subject, reason: check.reason }] : [],
    ),
  }
}

function digestOfSource(source: ByteSource, { hash }: Crypto): Uint8Array {
  const digest = hash('sha256')
  for (const chunk of source.chunks(0, source.length)) digest.update(chunk)
  return digest.digest()
}
