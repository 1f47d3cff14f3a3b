/**
 * Matrix: whether rows and columns are those of a generator and not of a detector.
 *
 * Source: image generators give squares of 256, 512, 768, 1024 or 1536 samples of 8 bits (docs/explanation/watchdog.md); detectors of DX, CR and mammography devices have 10 to 16 bits
 * (PS3.3 section C.8.11.3: Bits Stored 6 to 16) and are seldom powers of two. Collections for teaching and training are squares of 8 bits too: such images are derived, and are odd as originals.
 */
import { textAt } from '../../../formats/dicom/values.ts'
import { type HeaderRule, unknown } from './rule.ts'
import { modalityOf, PROJECTIONS, TAGS } from './tags.ts'

const GENERATOR_SIDES: ReadonlySet<number> = new Set([224, 256, 384, 512, 640, 768, 1024, 1280, 1536, 2048])

export const checkMatrix: HeaderRule = (dataSet, { width, height, bits, planes }) => {
  if (!PROJECTIONS.has(modalityOf(dataSet)))
    return unknown('matrix', 'Square images of such sizes are usual for this modality.')
  const facts = { width, height, bits }
  const isSquare = width === height && GENERATOR_SIDES.has(width)
  if (isSquare && bits === 8 && planes === 1 && !(textAt(dataSet, TAGS.imageType) ?? '').startsWith('DERIVED')) {
    const sentence = `A square of ${width} with 8 bits is a usual size of generators and collections, and an unusual one of X-ray detectors. Scaled copies have it too.`
    return { rule: 'matrix', outcome: 'odd', sentence, facts }
  }
  return {
    rule: 'matrix',
    outcome: 'consistent',
    sentence: 'Rows, columns and bits are none that point to a generator.',
    facts,
  }
}
