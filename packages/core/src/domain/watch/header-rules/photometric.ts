/**
 * Photometric interpretation: whether the colours of an image are those that its modality has.
 *
 * Source: PS3.3 sections A.2 to A.26: CT, MR, CR, DX and mammography images are MONOCHROME1 or MONOCHROME2 with one sample a pixel. A colour picture under such a name was made by something
 * else; post-processing that is stored as its own modality in colour is common for CT and MR, so that only original images count.
 */
import { textAt } from '../../../formats/dicom/values.ts'
import { type HeaderRule, unknown } from './rule.ts'
import { GREY_ONLY, modalityOf, TAGS } from './tags.ts'

const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7'

export const checkPhotometric: HeaderRule = (dataSet, { planes }) => {
  const photometric = textAt(dataSet, TAGS.photometric)
  if (photometric === undefined || !GREY_ONLY.has(modalityOf(dataSet)))
    return unknown('photometric', 'Images of this modality come in grey and in colour, or the header does not say.')
  const isGrey = /^MONOCHROME[12]$/.test(photometric)
  const isCapture = (textAt(dataSet, TAGS.sopClass) ?? '').startsWith(SECONDARY_CAPTURE)
  const isDerived = (textAt(dataSet, TAGS.imageType) ?? '').startsWith('DERIVED')
  const facts = { planes, isSecondaryCapture: Number(isCapture), isDerived: Number(isDerived) }
  if (isGrey === (planes === 1) && isGrey)
    return { rule: 'photometric', outcome: 'consistent', sentence: 'The image is grey, as its modality is.', facts }
  if (isCapture || isDerived)
    return {
      ...unknown('photometric', 'The image is in colour, as derived images and captures of screens may be.'),
      facts,
    }
  return {
    rule: 'photometric',
    outcome: 'odd',
    sentence: 'The image is in colour, but original images of its modality are grey.',
    facts,
  }
}
