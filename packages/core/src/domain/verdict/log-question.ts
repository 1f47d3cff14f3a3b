/**
 * Log question: what a custody log is asked about an image.
 *
 * A seal that is believed names the image, and then the file need not be measured for the log: whether it is the sealed
 * one is another check. Any other file is asked about by what it is itself.
 */
import { uidOrNull } from '../../formats/dicom/instance-uids.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { textAt } from '../../formats/dicom/values.ts'
import type { InstanceQuestion } from '../log/logged-instance.ts'
import { isOfGateway } from '../seal/image-statement.ts'
import { type Belief, believe } from './belief.ts'
import type { Evidence, SealEvidence } from './evidence.ts'

/** An image as a log knows it. */
export type ImageName = Pick<InstanceQuestion, 'sopInstanceUid' | 'digests'>

/** The name of an image and its digests: as its seal has them, where that is believed, else as they were measured. */
export function nameImage({ file, marks }: Evidence, belief: Belief | undefined): ImageName {
  const statement = belief?.statement
  const sopInstanceUid = statement?.instance.sopInstanceUid ?? instanceUidOf(file)
  const frames = statement?.pixels?.root
  const sealed = statement && { file: statement.file, dataset: statement.dataset, ...(frames && { frames }) }
  return { ...(sopInstanceUid !== undefined && { sopInstanceUid }), digests: sealed ?? marks?.digests ?? {} }
}

/** @param proof  the proof file beside the image, if there is one */
export function askAbout(evidence: Evidence, proof?: Uint8Array): InstanceQuestion {
  const { seal } = evidence
  return {
    ...nameImage(evidence, believe(seal)),
    ...(seal.state === 'present' && namesSeal(seal)),
    ...(proof && { proof }),
  }
}

/** A log keeps the statement of a device, and of a gateway's seal the digest. */
function namesSeal({ leaf, sha256, report }: Extract<SealEvidence, { state: 'present' }>) {
  const { statement } = report
  if (!isOfGateway(statement)) return leaf && { seal: leaf }
  const root = statement.gateway.certificates.statement.at(-1)
  return { gatewaySeal: { sha256, checkpoint: statement.checkpoint, ...(root && { root }) } }
}

const SOP_INSTANCE_UID = 0x00080018

function instanceUidOf({ dataSet }: DicomFile): string | undefined {
  return uidOrNull(textAt(dataSet, SOP_INSTANCE_UID)) ?? undefined
}
