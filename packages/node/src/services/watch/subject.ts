/**
 * Subject: an image as the watchdog looks at it: a frame in grey, and where it says that it comes from.
 */
import { type GreyView, greyPlaneOf, viewGrey } from '@fiducial/core/domain/pixels/grey-view.ts'
import type { ImagePixels, Planes } from '@fiducial/core/domain/pixels/image-pixels.ts'
import { checkConsistency, type RuleFinding } from '@fiducial/core/domain/watch/header-rules.ts'
import { factsOf } from '@fiducial/core/domain/watch/image-facts.ts'
import type { ImageFacts } from '@fiducial/core/domain/watch/model/watch-model.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { DicomFile } from '@fiducial/core/formats/dicom/parse.ts'
import { isNativeSyntax } from '@fiducial/core/formats/dicom/transfer-syntax.ts'

export interface Subject {
  /** `colour` where a frame is not grey, and not grey in colour either. */
  readonly view: GreyView | 'colour'
  readonly facts: ImageFacts
  /** What header and pixels say of each other; none for what is no DICOM. Looks at all samples: for whoever reports it. */
  checkRules(): readonly RuleFinding[]
}

/**
 * @param frame  from 0
 * @throws {FormatError} `pixels_absent` for a frame that is not there, `codec_failed`
 */
export function readSubject(pixels: ImagePixels, dicom: DicomFile | undefined, frame = 0): Subject {
  if (!(Number.isInteger(frame) && frame >= 0 && frame < pixels.frames))
    throw new FormatError('pixels_absent', `the frame is not one of ${pixels.frames}`)
  const facts = factsOf(dicom?.dataSet, { rows: pixels.height, columns: pixels.width, bits: pixels.bits })
  const planes = pixels.read(frame)
  const grey = greyPlaneOf(planes)
  return {
    view: grey === undefined ? 'colour' : viewGrey(grey, pixels),
    facts,
    checkRules: () => (dicom === undefined ? [] : rulesOf(dicom, planes, pixels)),
  }
}

function rulesOf(
  { dataSet, transferSyntaxUid }: DicomFile,
  planes: Planes,
  pixels: ImagePixels,
): readonly RuleFinding[] {
  const { isInverted, isLossy, width, height, bits, components } = pixels
  const [first] = planes
  if (first === undefined) return []
  // Of a syntax that holds both, the codestream alone says which; the header's own flag is what is put to the test.
  const isLossySyntax = isLossy && !isNativeSyntax(transferSyntaxUid)
  const { samples } = first
  return checkConsistency(dataSet, { width, height, bits, samples, planes: components, isInverted, isLossySyntax })
}
