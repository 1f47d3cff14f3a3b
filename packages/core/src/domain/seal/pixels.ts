/**
 * Pixels: digests of the decoded frames, which stay the same however the pixels are encoded.
 *
 * Source: PS3.5 section 8 and annex D (native layout), PS3.3 section C.7.6.3 (Image Pixel). A frame is digested as an
 * explicit little endian data set would hold it, colour by pixel, without the byte that makes a value even.
 * Native pixel data is read piece by piece and never held; of encapsulated pixel data one frame is held at a time.
 */
import { digestOf, type Hash, type HashFactory } from '../../bytes/hash.ts'
import { concatBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { type DecodedFrame, type FrameShape, isLosslessSyntax } from '../../formats/codec/codec.ts'
import { type Element, type Fragment, findElement, type Tag } from '../../formats/dicom/element.ts'
import { swapWords } from '../../formats/dicom/encode.ts'
import type { DataSet, DicomFile } from '../../formats/dicom/parse.ts'
import { numberAt } from '../../formats/dicom/values.ts'
import { wordBytes } from '../../formats/dicom/vr.ts'
import { cutFrames, type DecodeFrame, joinFragments, readFrameShape } from '../signature/encapsulated.ts'

/** What the digests of decoded frames speak of. */
export interface PixelDigests {
  /** SHA-256 of each frame. */
  readonly frames: readonly Uint8Array[]
  /** What the samples mean once decoded: (0028,0004), or RGB where decoding undid a colour transform. */
  readonly photometricInterpretation: string
  readonly samplesPerPixel: number
  readonly bitsAllocated: number
}

/** How encapsulated pixel data is cut. */
export interface FragmentLayout {
  /** All fragments, the offset table included. */
  readonly fragments: number
  /**
   * SHA-256 over the length of each fragment, the table first, then over the number of fragments of each frame; all
   * of them 32-bit little endian. Where nobody can say which fragments make a frame, no such numbers follow.
   */
  readonly digest: Uint8Array
  /** The fragments of each frame, or of all frames together where nobody can say. */
  readonly frames: readonly (readonly Fragment[])[]
  readonly isAmbiguous: boolean
}

const PIXEL_DATA: Tag = 0x7fe00010
const FLOAT_PIXEL_DATA: Tag = 0x7fe00008
const DOUBLE_FLOAT_PIXEL_DATA: Tag = 0x7fe00009

/** The element that holds the pixels of the main data set, if there is one. */
export const findPixelElement = ({ elements }: DataSet): Element | undefined =>
  [PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA]
    .map((tag) => findElement(elements, tag))
    .find((found) => found !== undefined)

/**
 * Digests the decoded frames.
 *
 * @param decode  for encapsulated pixel data; without it those have no digests
 * @param fill    what stands above the stored bits of a decoded signed sample
 * @param known   SHA-256 of the one frame of native pixels, where it was measured before: saves the pass over it
 * @returns undefined if there are no pixels, or their samples cannot be had exactly: encoded with loss, damaged, of a
 *   syntax without decoder, or not to be cut into frames
 */
export function describePixels(
  file: DicomFile,
  hashes: HashFactory,
  decode?: DecodeFrame,
  fill: Fill = 'sign',
  known?: Uint8Array,
): PixelDigests | undefined {
  const element = findPixelElement(file.dataSet)
  if (element === undefined) return undefined
  const shape = readShape(file.dataSet)
  if (element.fragments === undefined) return describeNative(file.dataSet, element, shape, hashes, known)
  return decode === undefined
    ? undefined
    : describeDecoded(file, shape, hashes, (uid, codestream) => filled(decode(uid, codestream, shape), shape, fill))
}

/** How the fragments are cut; undefined for pixels that are not encapsulated. Reads no payload but to find frames. */
export function describeLayout({ dataSet }: DicomFile, hashes: HashFactory): FragmentLayout | undefined {
  const element = findPixelElement(dataSet)
  if (element?.fragments === undefined) return undefined
  const { fragments } = element
  const indices = cutFrames(dataSet, fragments)?.frames
  const lengths = fragments.map(({ valueStart, end }) => end - valueStart)
  const numbers = Uint32Array.from([...lengths, ...(indices ?? []).map((frame) => frame.length)])
  const frames = indices?.map((frame) => frame.map((i) => fragments[i] as Fragment)) ?? [fragments.slice(1)]
  return {
    fragments: fragments.length,
    digest: digestOf(hashes, 'sha256', littleEndian(numbers)),
    frames,
    isAmbiguous: indices === undefined,
  }
}

/** SHA-256 of each frame as encoded: its fragments joined, with their padding. Cost: a pass over the fragments. */
export function digestCodestreams(
  { dataSet }: DicomFile,
  { frames }: FragmentLayout,
  hashes: HashFactory,
): readonly Uint8Array[] {
  return frames.map((fragments) => {
    const hash = hashes('sha256')
    for (const { valueStart, end } of fragments)
      for (const chunk of dataSet.source.chunks(valueStart, end)) hash.update(chunk)
    return hash.digest()
  })
}

/** Image Pixel attributes of the main data set; 0 where one is absent. */
export function readShape(dataSet: DataSet): FrameShape & { readonly numberOfFrames: number } {
  const shape = readFrameShape(dataSet)
  return {
    ...shape,
    photometricInterpretation: codeString(shape.photometricInterpretation),
    numberOfFrames: numberAt(dataSet, 0x00280008) ?? 1,
  }
}

/** Empty for anything that is no code string (PS3.5 section 6.2); the digest of the element tells such values apart. */
const codeString = (value: string): string => (CODE_STRING.test(value) ? value : '')

/** VR CS; empty where there is none. */
export const CODE_STRING = /^[A-Z0-9_ ]{0,16}$/

type Shape = ReturnType<typeof readShape>

function describeNative(
  dataSet: DataSet,
  element: Element,
  shape: Shape,
  hashes: HashFactory,
  known: Uint8Array | undefined,
): PixelDigests {
  const { photometricInterpretation, samplesPerPixel, bitsAllocated } = shape
  const { valueStart, valueEnd } = element
  const cut = cutNative(valueEnd - valueStart, shape)
  const meaning = { photometricInterpretation, samplesPerPixel, bitsAllocated }
  if (known !== undefined && cut.frames === 1) return { frames: [known], ...meaning }
  const isByPlane = shape.planarConfiguration === 1 && samplesPerPixel > 1 && bitsAllocated % 8 === 0 && cut.isWhole
  const chunks = nativeChunks(dataSet, element, valueStart + cut.frameBytes * cut.frames)
  const frames = isByPlane
    ? digestPlanes(dataSet, element, cut, shape, hashes)
    : digestInPieces(chunks, cut.frameBytes, hashes)
  return { frames, ...meaning }
}

interface Cut {
  readonly frames: number
  readonly frameBytes: number
  /** Whether the frames are what the attributes say; else the whole value counts as one. */
  readonly isWhole: boolean
}

/** Where a native value is cut. Frames that do not end on a byte, or a value of another length, are not cut at all. */
function cutNative(lengthBytes: number, shape: Shape): Cut {
  const { rows, columns, bitsAllocated, numberOfFrames } = shape
  for (const samples of samplesOnAverage(shape)) {
    const bits = rows * columns * samples * bitsAllocated
    const total = Math.ceil((bits * numberOfFrames) / 8)
    const isLength = total > 0 && (lengthBytes === total || (lengthBytes === total + 1 && total % 2 === 1))
    if (!isLength) continue
    const isCut = bits % 8 === 0 && Number.isInteger(numberOfFrames)
    return isCut
      ? { frames: numberOfFrames, frameBytes: bits / 8, isWhole: true }
      : { frames: 1, frameBytes: total, isWhole: false }
  }
  return { frames: 1, frameBytes: lengthBytes, isWhole: false }
}

/** Native pixels of the subsampled interpretations share their colour (PS3.3 section C.7.6.3.1.2). */
function samplesOnAverage({ samplesPerPixel, photometricInterpretation }: Shape): readonly number[] {
  if (photometricInterpretation.endsWith('_422')) return [samplesPerPixel, 2]
  return photometricInterpretation.endsWith('_420') ? [samplesPerPixel, 1.5] : [samplesPerPixel]
}

/** A native value up to an offset, in little endian. */
function* nativeChunks({ source }: DataSet, { vr, encoding, valueStart }: Element, end: number): Iterable<Uint8Array> {
  const width = encoding.isLittleEndian ? 1 : wordBytes(vr)
  if (width === 1) return yield* source.chunks(valueStart, end)
  let rest = new Uint8Array(0)
  // A last byte that fills the last word is read with it, and cut off again.
  const filled = end + ((width - ((end - valueStart) % width)) % width)
  const total = end - valueStart
  let given = 0
  for (const chunk of source.chunks(valueStart, Math.min(filled, source.length))) {
    const joined = concatBytes(rest, chunk)
    const whole = joined.length - (joined.length % width)
    const swapped = swapWords(joined.subarray(0, whole), width)
    yield swapped.subarray(0, Math.min(whole, total - given))
    given += whole
    rest = joined.slice(whole)
  }
}

function digestInPieces(chunks: Iterable<Uint8Array>, frameBytes: number, hashes: HashFactory): readonly Uint8Array[] {
  const frames: Uint8Array[] = []
  let hash: Hash | undefined
  let left = 0
  for (const chunk of chunks) {
    let taken = 0
    while (taken < chunk.length) {
      if (hash === undefined) {
        hash = hashes('sha256')
        left = frameBytes
      }
      const piece = chunk.subarray(taken, taken + left)
      hash.update(piece)
      taken += piece.length
      left -= piece.length
      if (left > 0) continue
      frames.push(hash.digest())
      hash = undefined
    }
  }
  // An empty value is one frame without a byte.
  if (frames.length === 0) frames.push(digestOf(hashes, 'sha256'))
  return frames
}

/** Colour by plane becomes colour by pixel: the order that every decoder gives. */
function digestPlanes(
  dataSet: DataSet,
  element: Element,
  cut: Cut,
  shape: Shape,
  hashes: HashFactory,
): readonly Uint8Array[] {
  const { vr, encoding, valueStart } = element
  const width = encoding.isLittleEndian ? 1 : wordBytes(vr)
  return Array.from({ length: cut.frames }, (_, i) => {
    const start = valueStart + i * cut.frameBytes
    const bytes = dataSet.source.view(start, start + cut.frameBytes)
    const little = width === 1 ? bytes : swapWords(bytes, width)
    return digestOf(hashes, 'sha256', interleave(little, shape.samplesPerPixel, shape.bitsAllocated / 8))
  })
}

function interleave(planes: Uint8Array, samplesPerPixel: number, sampleBytes: number): Uint8Array {
  const pixels = new Uint8Array(planes.length)
  const planeBytes = planes.length / samplesPerPixel
  let to = 0
  for (let pixel = 0; pixel < planeBytes; pixel += sampleBytes) {
    for (let plane = 0; plane < samplesPerPixel; plane++) {
      for (let k = 0; k < sampleBytes; k++) pixels[to++] = planes[plane * planeBytes + pixel + k] as number
    }
  }
  return pixels
}

/** Decoders extend signed samples by their sign; a native data set may hold zeros there. */
export type Fill = 'sign' | 'zeros'

function filled(frame: DecodedFrame, { bitsStored, bitsAllocated, isSigned }: Shape, fill: Fill): DecodedFrame {
  if (fill === 'sign' || !isSigned || bitsStored >= bitsAllocated) return frame
  const bytes = frame.bytes.slice()
  const width = bitsAllocated / 8
  for (let i = 0; i < bytes.length; i++) {
    const kept = Math.min(8, Math.max(0, bitsStored - 8 * (i % width)))
    bytes[i] = (bytes[i] as number) & ((1 << kept) - 1)
  }
  return { ...frame, bytes }
}

type Decode = (transferSyntaxUid: string, codestream: Uint8Array) => DecodedFrame

function describeDecoded(file: DicomFile, shape: Shape, hashes: HashFactory, decode: Decode): PixelDigests | undefined {
  const { transferSyntaxUid } = file
  if (!isLosslessSyntax(transferSyntaxUid) && !mayBeLossless(transferSyntaxUid)) return undefined
  const layout = describeLayout(file, hashes)
  if (layout === undefined || layout.isAmbiguous) return undefined
  const digests = new DecodedDigests(shape, hashes)
  let meaning: DecodedFrame | undefined
  try {
    for (const frame of decodedFrames(file, layout, decode)) {
      meaning ??= frame
      if (!frame.isLossless || frame.photometricInterpretation !== meaning.photometricInterpretation) return undefined
      digests.add(frame.bytes)
    }
  } catch (error) {
    // Whoever sealed damaged pixels sealed their fragments; samples there are none.
    if (error instanceof FormatError) return undefined
    throw error
  }
  if (meaning === undefined) return undefined
  const { photometricInterpretation, samplesPerPixel, bitsAllocated } = meaning
  return { frames: digests.finish(), photometricInterpretation, samplesPerPixel, bitsAllocated }
}

function* decodedFrames(file: DicomFile, { frames }: FragmentLayout, decode: Decode): Iterable<DecodedFrame> {
  for (const fragments of frames) yield decode(file.transferSyntaxUid, joinFragments(file.dataSet, fragments))
}

/** Digests of frames as native pixel data has them: one each, or one of all that are joined inside a byte. */
class DecodedDigests {
  readonly #hashes: HashFactory
  readonly #frameBits: number
  readonly #isJoined: boolean
  readonly #frames: Uint8Array[] = []
  readonly #whole: Hash
  /** Bits of a byte that the next frame fills up, lowest first. */
  #rest = 0
  #restBits = 0

  constructor({ rows, columns, samplesPerPixel, bitsAllocated, numberOfFrames }: Shape, hashes: HashFactory) {
    this.#hashes = hashes
    this.#frameBits = rows * columns * samplesPerPixel * bitsAllocated
    this.#isJoined = this.#frameBits % 8 !== 0 && numberOfFrames > 1
    this.#whole = hashes('sha256')
  }

  add(frame: Uint8Array): void {
    if (this.#isJoined) this.#join(frame)
    else this.#frames.push(digestOf(this.#hashes, 'sha256', frame))
  }

  finish(): readonly Uint8Array[] {
    if (!this.#isJoined) return this.#frames
    if (this.#restBits > 0) this.#whole.update(Uint8Array.of(this.#rest))
    return [this.#whole.digest()]
  }

  #join(frame: Uint8Array): void {
    const shift = this.#restBits
    const total = shift + this.#frameBits
    const bytes = new Uint8Array(Math.ceil(total / 8))
    bytes[0] = this.#rest
    for (const [i, byte] of frame.entries()) {
      bytes[i] = (bytes[i] as number) | (byte << shift)
      if (i + 1 < bytes.length) bytes[i + 1] = byte >> (8 - shift)
    }
    const whole = Math.floor(total / 8)
    this.#whole.update(bytes.subarray(0, whole))
    this.#restBits = total % 8
    this.#rest = bytes[whole] ?? 0
  }
}

/** JPEG-LS near-lossless, JPEG 2000 and HTJ2K hold codestreams of both kinds; the codestream tells. */
const mayBeLossless = (uid: string): boolean => /^1\.2\.840\.10008\.1\.2\.4\.(81|91|203)$/.test(uid)

/** Indices of the fragments of each frame, or undefined if the tables and fragments contradict each other. */
function littleEndian(numbers: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(4 * numbers.length)
  const view = new DataView(bytes.buffer)
  for (const [i, number] of numbers.entries()) view.setUint32(4 * i, number, true)
  return bytes
}
