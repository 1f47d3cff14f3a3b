/**
 * Transcode: the same image in another transfer syntax, with the same pixels.
 *
 * Source: PS3.5 section 8 and annex A. Lossless only, and not on trust: each frame that is written is decoded again and compared
 * with what it was made of. What was compressed with loss before is not touched: two decoders may differ about it.
 */
import { equalBytes, joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import type { EncodedFrame, EncodeFrame } from '../../formats/codec/encode.ts'
import { type FrameShape, frameLength } from '../../formats/codec/shape.ts'
import { type Element, findElement, type Tag } from '../../formats/dicom/element.ts'
import { encodeElement, type NewElement, padEven, swapWords } from '../../formats/dicom/encode.ts'
import { formatFileMeta } from '../../formats/dicom/file-meta.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { type Segment, spliceDataSet } from '../../formats/dicom/splice.ts'
import { EXPLICIT_LITTLE_ENDIAN, encodingOf, isNativeSyntax } from '../../formats/dicom/transfer-syntax.ts'
import { numberAt, text, textAt, us } from '../../formats/dicom/values.ts'
import { cutFrames, type DecodeFrame, readFrame, readFrameShape } from '../signature/encapsulated.ts'
import { reEncode } from './re-encode.ts'

export interface TranscodeMeans {
  /** For pixels that are compressed now; of their transfer syntax. */
  readonly decode?: DecodeFrame
  /** For pixels that are to be compressed, and to check what it made. */
  readonly encode?: EncodeFrame
  readonly decodeAgain?: DecodeFrame
}

export interface Transcoded {
  /** A Part 10 file. */
  readonly segments: readonly Segment[]
  readonly transferSyntaxUid: string
}

const SOP_CLASS: Tag = 0x00080016
const SOP_INSTANCE: Tag = 0x00080018
const PIXEL_DATA: Tag = 0x7fe00010
const EXTENDED_OFFSETS: Tag = 0x7fe00001
const EXTENDED_LENGTHS: Tag = 0x7fe00002
const PHOTOMETRIC_INTERPRETATION: Tag = 0x00280004
const PLANAR_CONFIGURATION: Tag = 0x00280006
/** Offsets of 32 bits end here; such objects have no table. */
const OFFSET_LIMIT = 2 ** 32

/**
 * Writes a file in another transfer syntax.
 *
 * Cost: each frame is decoded, encoded and decoded again; the encoded ones are held.
 * @param target  UID of a native or lossless syntax
 * @returns undefined where nothing is to be done: it is in that syntax already, or has no pixels to compress
 * @throws {FormatError} `codec_unsupported`, `codec_failed` where the pixels cannot be had or kept exactly; the code of the first
 *   finding of the strict reader
 */
export function transcode(file: DicomFile, target: string, means: TranscodeMeans): Transcoded | undefined {
  const [finding] = file.findings
  if (finding !== undefined) throw new FormatError(finding.code, finding.message, { offset: finding.offset })
  const { dataSet, transferSyntaxUid } = file
  const pixels = findElement(dataSet.elements, PIXEL_DATA)
  const isCompressing = !isNativeSyntax(target)
  // What has no pixels is at home in explicit little endian, whatever the images beside it are written in.
  const goal = isCompressing && pixels === undefined ? EXPLICIT_LITTLE_ENDIAN : target
  if (goal === transferSyntaxUid) return undefined
  const replaced = pixels === undefined ? new Map() : replacePixels(file, pixels, goal, means)
  const sopClassUid = textAt(dataSet, SOP_CLASS)
  const sopInstanceUid = textAt(dataSet, SOP_INSTANCE)
  if (sopClassUid === undefined || sopInstanceUid === undefined) {
    throw new FormatError('dicom_element_malformed', 'SOP Class UID and SOP Instance UID are needed')
  }
  const head = formatFileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid: goal, sourceAet: null })
  return { segments: [head, ...bodyOf(file, replaced, goal)], transferSyntaxUid: goal }
}

type Replaced = ReadonlyMap<Tag, NewElement | undefined>

function bodyOf(file: DicomFile, replaced: Replaced, goal: string): readonly Segment[] {
  const { dataSet } = file
  const encoding = encodingOf(goal)
  const isSame =
    encoding.isExplicit === dataSet.encoding.isExplicit && encoding.isLittleEndian === dataSet.encoding.isLittleEndian
  if (!isSame) return [...reEncode(dataSet, replaced, encoding)]
  const changes = [...replaced].map(([tag, element]) => ({
    tag,
    bytes: element === undefined ? new Uint8Array(0) : encodeElement(element, encoding),
  }))
  return spliceDataSet(file, changes)
}

/** Pixel data in the new syntax, and the attributes that describe it. */
function replacePixels(file: DicomFile, pixels: Element, goal: string, means: TranscodeMeans): Replaced {
  const isCompressing = !isNativeSyntax(goal)
  // Native to native: the bytes of the samples change their order at most, which the data set's own encoding does.
  if (pixels.fragments === undefined && !isCompressing) return new Map()
  const shape = readFrameShape(file.dataSet)
  const frames = [...framesOf(file, pixels, shape, means)]
  const [first] = frames
  if (first === undefined) throw unsupported('no frames')
  const native: FrameShape = {
    ...shape,
    planarConfiguration: 0,
    photometricInterpretation: first.photometricInterpretation,
  }
  const made = isCompressing ? compress(frames, native, goal, means) : toNative(frames, native)
  const colour = [
    ...(made.photometricInterpretation === shape.photometricInterpretation
      ? []
      : [text(PHOTOMETRIC_INTERPRETATION, 'CS', made.photometricInterpretation)]),
    ...(shape.planarConfiguration === 0 ? [] : [us(PLANAR_CONFIGURATION, 0)]),
  ]
  const tables = [EXTENDED_OFFSETS, EXTENDED_LENGTHS].filter(
    (tag) => findElement(file.dataSet.elements, tag) !== undefined,
  )
  return new Map([
    ...[...colour, made.element].map((element) => [element.tag, element] as const),
    ...tables.map((tag) => [tag, undefined] as const),
  ])
}

/** A frame as native pixel data has it, colour by pixel. */
interface NativeFrame {
  readonly bytes: Uint8Array
  readonly photometricInterpretation: string
}

function* framesOf(
  file: DicomFile,
  pixels: Element,
  shape: FrameShape,
  { decode }: TranscodeMeans,
): Iterable<NativeFrame> {
  const { dataSet, transferSyntaxUid } = file
  if (pixels.fragments === undefined) return yield* nativeFrames(file, pixels, shape)
  const cut = cutFrames(dataSet, pixels.fragments)
  if (cut === undefined)
    throw new FormatError('dicom_fragments_malformed', 'nobody can say which fragments make a frame')
  if (decode === undefined) throw unsupported(`no decoder for transfer syntax ${transferSyntaxUid}`)
  for (const indices of cut.frames) {
    const frame = decode(transferSyntaxUid, readFrame(dataSet, pixels.fragments, indices), shape)
    if (!frame.isLossless) throw unsupported('pixels that were compressed with loss')
    yield frame
  }
}

function* nativeFrames({ dataSet }: DicomFile, pixels: Element, shape: FrameShape): Iterable<NativeFrame> {
  if (shape.bitsAllocated % 8 !== 0) throw unsupported(`${shape.bitsAllocated} bits allocated`)
  const count = numberAt(dataSet, 0x00280008) ?? 1
  const length = frameLength(shape)
  const held = pixels.valueEnd - pixels.valueStart
  if (held !== length * count && held !== length * count + ((length * count) % 2)) {
    throw unsupported('pixel data that is not as long as its frames')
  }
  for (let i = 0; i < count; i++) {
    const start = pixels.valueStart + i * length
    const stored = dataSet.source.view(start, start + length)
    // Under OW, words of 16 bits stand the other way round; programs differ about samples of 32 bits, and of 8.
    const isSwapped = !pixels.encoding.isLittleEndian && pixels.vr !== 'OB'
    if (isSwapped && (shape.bitsAllocated > 16 || length % 2 === 1)) throw unsupported('these samples in big endian')
    const bytes = isSwapped ? swapWords(stored, 2) : stored
    const isByPlane = shape.planarConfiguration === 1 && shape.samplesPerPixel > 1
    yield {
      bytes: isByPlane ? interleave(bytes, shape) : bytes,
      photometricInterpretation: shape.photometricInterpretation,
    }
  }
}

/** Colour by plane to colour by pixel. */
function interleave(planes: Uint8Array, { samplesPerPixel, bitsAllocated }: FrameShape): Uint8Array {
  const pixels = new Uint8Array(planes.length)
  const size = bitsAllocated / 8
  const stride = size * samplesPerPixel
  let from = 0
  for (let component = 0; component < samplesPerPixel; component++) {
    for (let to = component * size; to < pixels.length; to += stride) {
      for (let i = 0; i < size; i++) pixels[to + i] = planes[from++] as number
    }
  }
  return pixels
}

interface MadePixels {
  readonly element: NewElement
  readonly photometricInterpretation: string
}

function toNative(frames: readonly NativeFrame[], shape: FrameShape): MadePixels {
  if (shape.bitsAllocated === 1 && (shape.rows * shape.columns) % 8 !== 0 && frames.length > 1) {
    throw unsupported('frames of one-bit samples that end within a byte')
  }
  const vr = shape.bitsAllocated <= 8 ? 'OB' : 'OW'
  const value = padEven(joinBytes(frames.map(({ bytes }) => bytes)), 'OB')
  return { element: { tag: PIXEL_DATA, vr, value }, photometricInterpretation: shape.photometricInterpretation }
}

function compress(
  frames: readonly NativeFrame[],
  shape: FrameShape,
  goal: string,
  { encode, decodeAgain }: TranscodeMeans,
): MadePixels {
  if (encode === undefined || decodeAgain === undefined) throw unsupported(`no encoder for transfer syntax ${goal}`)
  const encoded = frames.map(({ bytes }) => {
    const made = encode(bytes, shape)
    checkAgain(made, bytes, shape, goal, decodeAgain)
    return made
  })
  const fragments = encoded.map(({ codestream }) => padEven(codestream, 'OB'))
  return {
    element: { tag: PIXEL_DATA, vr: 'OB', fragments: [offsetTable(fragments), ...fragments] },
    photometricInterpretation: (encoded[0] as EncodedFrame).photometricInterpretation,
  }
}

/** What nobody gets back as it was is not written. */
function checkAgain(made: EncodedFrame, bytes: Uint8Array, shape: FrameShape, goal: string, decode: DecodeFrame): void {
  const { photometricInterpretation } = made
  const again = decode(goal, made.codestream, { ...shape, photometricInterpretation })
  if (
    !again.isLossless ||
    !equalBytes(again.bytes, bytes) ||
    again.photometricInterpretation !== shape.photometricInterpretation
  ) {
    throw new FormatError('codec_failed', 'the encoded frame does not give its pixels back')
  }
}

function offsetTable(fragments: readonly Uint8Array[]): Uint8Array {
  const offsets: number[] = []
  let offset = 0
  for (const fragment of fragments) {
    offsets.push(offset)
    offset += 8 + fragment.length
  }
  if (offset >= OFFSET_LIMIT) return new Uint8Array(0)
  const table = new DataView(new ArrayBuffer(4 * offsets.length))
  for (const [i, one] of offsets.entries()) table.setUint32(4 * i, one, true)
  return new Uint8Array(table.buffer)
}

const unsupported = (what: string): FormatError => new FormatError('codec_unsupported', what)
