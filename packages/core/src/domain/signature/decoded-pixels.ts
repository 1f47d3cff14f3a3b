/**
 * Decoded pixels: the native pixel data that may have been signed, for a file that was compressed since.
 *
 * A signature made before compression covers samples. Lossless codestreams give them back, but not how the file
 * spelled them: as OW or OB, by pixel or by plane, under another Photometric Interpretation where the encoder used a
 * colour transform, and with the Derivation Description that it put its own words before. Each spelling that is
 * possible is one candidate; the signature says which it was.
 *
 * Known flaw: a codestream holds neither bits above Bits Stored, other than the sign, nor bytes behind the last frame.
 * Where such were signed, the samples that come back are not all there was, and the signature fails.
 */
import { decodeLatin1, encodeLatin1 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { type DecodedFrame, type FrameShape, frameLength } from '../../formats/codec/shape.ts'
import { findElement, type Tag } from '../../formats/dicom/element.ts'
import type { NewElement } from '../../formats/dicom/encode.ts'
import type { DataSet, DicomFile } from '../../formats/dicom/parse.ts'
import { readBytes, text, us } from '../../formats/dicom/values.ts'
import type { NativePixels } from './digest.ts'
import { cutFrames, type DecodeFrame, readFrame, readFrameShape } from './encapsulated.ts'

const PIXEL_DATA: Tag = 0x7fe00010
const PHOTOMETRIC_INTERPRETATION: Tag = 0x00280004
const PLANAR_CONFIGURATION: Tag = 0x00280006
const DERIVATION_DESCRIPTION: Tag = 0x00082111

/** Decoded frames up to this size are kept between passes; those of a larger image are decoded in each. */
const KEPT_BYTES = 128 * 2 ** 20

/**
 * Every spelling in which the samples of a compressed file may have been signed.
 * Cost: each frame is decoded once, and once more in each pass where all of them exceed 128 MiB.
 *
 * @returns undefined where the samples cannot be had exactly: the pixel data is native, encoded with loss, damaged, or
 *   not to be cut into frames in one way
 */
export function decodedPixels(file: DicomFile, decode: DecodeFrame): readonly NativePixels[] | undefined {
  const { dataSet, transferSyntaxUid } = file
  const fragments = findElement(dataSet.elements, PIXEL_DATA)?.fragments
  const cut = fragments === undefined ? undefined : cutFrames(dataSet, fragments)
  if (fragments === undefined || cut === undefined) return undefined
  const shape = readFrameShape(dataSet)
  const decodeAll = function* (): Iterable<DecodedFrame> {
    for (const indices of cut.frames) yield decode(transferSyntaxUid, readFrame(dataSet, fragments, indices), shape)
  }
  try {
    const isKept = frameLength(shape) * cut.frames.length <= KEPT_BYTES
    const kept = isKept ? [...decodeAll()] : undefined
    const frames = (): Iterable<DecodedFrame> => kept ?? decodeAll()
    const meaning = meaningOf(frames())
    return meaning === undefined ? undefined : spellings(file, shape, meaning, cut.frames.length, frames)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** The Photometric Interpretation that all frames have once decoded; undefined if any was encoded with loss. */
function meaningOf(frames: Iterable<DecodedFrame>): string | undefined {
  const meanings = new Set<string | undefined>()
  for (const { isLossless, photometricInterpretation } of frames)
    meanings.add(isLossless ? photometricInterpretation : undefined)
  const [meaning, ...others] = meanings
  return others.length === 0 ? meaning : undefined
}

function spellings(
  { dataSet }: DicomFile,
  shape: FrameShape,
  meaning: string,
  count: number,
  frames: () => Iterable<DecodedFrame>,
): readonly NativePixels[] {
  const isPresent = ({ tag }: NewElement): boolean => findElement(dataSet.elements, tag) !== undefined
  const derivation = formerDerivation(dataSet)
  const derivations = derivation === undefined ? [[]] : [[derivation], []]
  // Only where the attribute says what the encoder did: under any other name viewers would show other colours.
  const isTransformed = shape.photometricInterpretation === 'YBR_RCT' && meaning === 'RGB'
  const colour = isTransformed ? [text(PHOTOMETRIC_INTERPRETATION, 'CS', meaning)] : []
  const vrs = shape.bitsAllocated <= 8 ? ['OB', 'OW'] : ['OW', 'OB']
  const planes = findElement(dataSet.elements, PLANAR_CONFIGURATION) === undefined ? [0] : [0, 1]
  // Cells of one bit run on from frame to frame (PS3.5 section 8.1.1).
  const lengthBytes = Math.ceil((shape.rows * shape.columns * shape.samplesPerPixel * shape.bitsAllocated * count) / 8)
  return planes.flatMap((planar) => {
    const layout = planar === shape.planarConfiguration ? [] : [us(PLANAR_CONFIGURATION, planar)]
    const isByPlane = planar === 1 && shape.samplesPerPixel > 1
    return vrs.flatMap((vr) =>
      derivations.map((former) => ({
        vr,
        lengthBytes,
        restored: [...former, ...colour, ...layout].filter(isPresent),
        frames: () => spell(frames(), shape, isByPlane),
      })),
    )
  })
}

/** What DCMTK writes into it, up to what stood there before; nobody else's words may come before those. */
const ENCODER_WORDS =
  /^Lossless JPEG compression, selection value \d+, point transform \d+, compression ratio \d+(?:\.\d+)? \[(.*)\]$/s

function formerDerivation({ source, elements }: DataSet): NewElement | undefined {
  const element = findElement(elements, DERIVATION_DESCRIPTION)
  const words = element === undefined ? '' : decodeLatin1(readBytes(source, element)).trimEnd()
  const former = ENCODER_WORDS.exec(words)?.[1]
  return former === undefined ? undefined : { tag: DERIVATION_DESCRIPTION, vr: 'ST', value: encodeLatin1(former) }
}

/** Frames as native pixel data has them. */
function* spell(frames: Iterable<DecodedFrame>, shape: FrameShape, isByPlane: boolean): Iterable<Uint8Array> {
  const bits = shape.rows * shape.columns
  if (shape.bitsAllocated === 1 && bits % 8 !== 0) return yield* joinBits(frames, bits)
  for (const { bytes } of frames) yield isByPlane ? toPlanes(bytes, shape) : bytes
}

function toPlanes(pixels: Uint8Array, { samplesPerPixel, bitsAllocated }: FrameShape): Uint8Array {
  const planes = new Uint8Array(pixels.length)
  const size = bitsAllocated / 8
  const stride = size * samplesPerPixel
  let to = 0
  for (let component = 0; component < samplesPerPixel; component++) {
    for (let from = component * size; from < pixels.length; from += stride) {
      for (let i = 0; i < size; i++) planes[to++] = pixels[from + i] as number
    }
  }
  return planes
}

/** Frames whose bits do not fill their last byte: the next frame begins within it. */
function* joinBits(frames: Iterable<DecodedFrame>, bits: number): Iterable<Uint8Array> {
  let begun = 0
  let filled = 0
  for (const { bytes } of frames) {
    const joined = new Uint8Array(Math.floor((filled + bits) / 8))
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number
      if (i < joined.length) joined[i] = begun | (byte << filled)
      else begun |= byte << filled
      if (i < joined.length) begun = byte >> (8 - filled)
    }
    yield joined
    filled = (filled + bits) % 8
    begun &= (1 << filled) - 1
  }
  if (filled > 0) yield Uint8Array.of(begun)
}
