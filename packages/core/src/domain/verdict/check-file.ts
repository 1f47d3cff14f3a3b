/**
 * Checks of the file itself: whether its bytes can be read in one way only, and whether it says whose it is.
 */

import { findElement, type Tag } from '../../formats/dicom/element.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { isNativeSyntax } from '../../formats/dicom/transfer-syntax.ts'
import { isOfGateway } from '../seal/image-statement.ts'
import { describeTag } from '../signature/coverage.ts'
import type { FragmentPlace } from '../signature/fragments.ts'
import { readSignatures } from '../signature/read.ts'
import type { SignatureReport } from '../signature/verify.ts'
import { type Belief, isAsSealed } from './belief.ts'
import { type Check, fails, holds, unknown } from './check.ts'
import type { Evidence } from './evidence.ts'
import { findContradictions } from './meta.ts'
import { missingNames } from './naming.ts'

const TRANSFER_SYNTAX: Tag = 0x00020010
const PIXEL_DATA: Tag = 0x7fe00010

/** @param main  the signature that says most about the image, if there is one */
export function checkEncoding(
  { file }: Evidence,
  belief: Belief | undefined,
  main: SignatureReport | undefined,
): readonly Check[] {
  const { findings, preamble } = file
  const checks: Check[] = []
  if (preamble === 'executable') checks.push(fails('encoding', 'preamble_executable', ['offset 0']))
  const ambiguities = findings.filter(({ code }) => code !== 'dicom_preamble_executable')
  if (ambiguities.length > 0) {
    const where = ambiguities.map(({ code, offset, message }) => `offset ${offset}: ${message} (${code})`)
    checks.push(fails('encoding', 'encoding_ambiguous', where))
  }
  // The very bytes that were sealed: odd as they may be, the device made them so.
  if (belief?.comparison.kind !== 'identical') {
    // It can make another picture of the same samples for programs that read TIFF, and no hop adds one.
    const isOther = belief?.comparison.changes.some(({ what }) => what === 'preamble_changed') === true
    if (isOther && preamble === 'data') checks.push(unknown('encoding', 'preamble_unsigned', ['offset 0']))
    const contradictions = [...findContradictions(file), ...(isRelabelled(file, belief, main) ? [TRANSFER_SYNTAX] : [])]
    if (contradictions.length > 0)
      checks.push(unknown('encoding', 'meta_contradicted', contradictions.map(describeTag)))
  }
  return checks.length > 0 ? checks : [holds('encoding')]
}

/** Whether the bytes of the data set are those of another transfer syntax than the file now names. */
function isRelabelled(file: DicomFile, belief: Belief | undefined, main: SignatureReport | undefined): boolean {
  const { transferSyntaxUid, dataSet } = file
  if (belief !== undefined) {
    const sealed = belief.statement.instance.transferSyntaxUid
    const isEitherNative = sealed === null || (isNativeSyntax(sealed) && isNativeSyntax(transferSyntaxUid))
    return belief.comparison.kind === 'equivalent' && !isEitherNative && sealed !== transferSyntaxUid
  }
  if (main?.mac.outcome !== 'holds' || main.mac.by === 'decoded_pixels') return false
  if (findElement(dataSet.elements, PIXEL_DATA)?.fragments === undefined) return false
  const { signatures } = readSignatures(dataSet)
  const signed = signatures.find(({ path, uid }) => path === main.path && uid === main.uid)
  return signed !== undefined && signed.macTransferSyntaxUid !== transferSyntaxUid
}

export function checkFragments({ fragments }: Evidence, belief: Belief | undefined): Check {
  if (fragments.outcome === 'holds') return holds('fragments')
  const where = [describePlace(fragments.where)]
  if (fragments.outcome === 'fails') return fails('fragments', 'fragments_ambiguous', where)
  // A seal knows how the fragments were cut.
  const isKnown = belief !== undefined && isAsSealed(belief.comparison)
  return isKnown ? holds('fragments') : unknown('fragments', 'fragments_undecided', where)
}

const describePlace = ({ path, fragment, frame }: FragmentPlace): string =>
  `fragment ${fragment}${frame === undefined ? '' : ` of frame ${frame}`}${path === '' ? '' : ` in ${path}`}`

export function checkNaming({ file }: Evidence, belief: Belief | undefined): Check {
  // A gateway knows operator, device and time by what it was told.
  const missing = missingNames(file.dataSet, belief !== undefined && !isOfGateway(belief.statement))
  return missing.length === 0 ? holds('naming') : unknown('naming', 'attribute_missing', missing)
}
