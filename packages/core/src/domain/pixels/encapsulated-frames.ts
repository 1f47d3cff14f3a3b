/**
 * Encapsulated frames: compressed samples, decoded to be read, and encoded again in the same transfer syntax.
 *
 * Source: PS3.5 section 8.2 and annex A.4, PS3.3 section C.7.6.3.1.8 (extended offset table). What was written is decoded again and
 * compared: nothing is lost in silence. The encoded frames are held in memory.
 */
import { concatBytes, equalBytes, joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import type { EncodedFrame, EncodeFrame } from '../../formats/codec/encode.ts'
import type { DecodedFrame, FrameShape } from '../../formats/codec/shape.ts'
import { type Element, type Fragment, findElement, type Tag } from '../../formats/dicom/element.ts'
import { encodeElement, encodeItem, encodeItemHeader, padEven } from '../../formats/dicom/encode.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { type Change, piecesOf, spliceFile } from '../../formats/dicom/splice.ts'
import { text, textAt } from '../../formats/dicom/values.ts'
import { type CutFrames, type DecodeFrame, readFrame } from '../signature/encapsulated.ts'
import { type CellLayout, readCells, writeCells } from './cells.ts'
import { type ChangePlanes, lossySource } from './image-pixels.ts'

export interface EncapsulatedFacts {
  readonly file: DicomFile
  readonly pixels: Element
  readonly cut: CutFrames
  readonly shape: FrameShape
  readonly layout: CellLayout
  readonly decode: DecodeFrame
  readonly encode?: EncodeFrame
}

const PHOTOMETRIC_INTERPRETATION: Tag = 0x00280004
const EXTENDED_OFFSETS: Tag = 0x7fe00001
const EXTENDED_LENGTHS: Tag = 0x7fe00002
const SEQUENCE_DELIMITER = 0xfffee0dd
/** Offsets of 32 bits end here. */
const OFFSET_LIMIT = 2 ** 32

export class EncapsulatedFrames {
  readonly count: number
  readonly #facts: EncapsulatedFacts
  /** The frame that was decoded last: whoever reads one often reads it again. */
  #last: { readonly frame: number; readonly decoded: DecodedFrame } | undefined

  constructor(facts: EncapsulatedFacts) {
    this.#facts = facts
    this.count = facts.cut.frames.length
  }

  /** Whether the first frame was compressed with loss, as its codestream tells; a look at it costs decoding it. */
  get isLossy(): boolean {
    return !this.#decode(0).isLossless
  }

  /** The bytes of a frame in little endian, by pixel. */
  read(frame: number): Uint8Array {
    return this.#decode(frame).bytes
  }

  *write(change: ChangePlanes): Generator<Uint8Array> {
    const { file, layout } = this.#facts
    const frames = this.#facts.cut.frames.map((_, frame) => {
      const decoded = this.#decode(frame)
      if (!decoded.isLossless) throw lossySource()
      return this.#encode(writeCells(decoded.bytes, layout, change(frame, readCells(decoded.bytes, layout))), decoded)
    })
    const fragments = frames.map(({ codestream }) => padEven(codestream, 'OB'))
    const changes = [this.#pixelData(fragments), ...this.#tables(frames, fragments), ...this.#colour(frames)]
    yield* piecesOf(spliceFile(file, changes))
  }

  #decode(frame: number): DecodedFrame {
    if (this.#last?.frame === frame) return this.#last.decoded
    const { file, pixels, cut, shape, decode } = this.#facts
    const indices = cut.frames[frame] as readonly number[]
    const codestream = readFrame(file.dataSet, pixels.fragments as readonly Fragment[], indices)
    const decoded = decode(file.transferSyntaxUid, codestream, shape)
    this.#last = { frame, decoded }
    return decoded
  }

  /** What nobody gets back as it was is not written. */
  #encode(bytes: Uint8Array, { photometricInterpretation }: DecodedFrame): EncodedFrame {
    const { file, shape, decode, encode } = this.#facts
    const { transferSyntaxUid } = file
    if (encode === undefined) {
      throw new FormatError('codec_unsupported', `no encoder for transfer syntax ${transferSyntaxUid}`)
    }
    const native = { ...shape, planarConfiguration: 0, photometricInterpretation }
    const made = encode(bytes, native)
    const again = decode(transferSyntaxUid, made.codestream, {
      ...native,
      photometricInterpretation: made.photometricInterpretation,
    })
    const isSame = again.isLossless && equalBytes(again.bytes, bytes)
    if (!isSame || again.photometricInterpretation !== photometricInterpretation)
      throw new FormatError('codec_failed', 'the encoded frame does not give its pixels back')
    return made
  }

  /** One fragment a frame, under an offset table where there was one. */
  #pixelData(fragments: readonly Uint8Array[]): Change {
    const { file, pixels, cut } = this.#facts
    const { encoding } = file.dataSet
    const table = cut.hasOffsets ? tableOf(offsetsOf(fragments), 4) : new Uint8Array(0)
    const header = file.dataSet.source.view(pixels.start, pixels.valueStart)
    const items = [table, ...fragments].map((fragment) => encodeItem(fragment, encoding))
    const bytes = joinBytes([header, ...items, encodeItemHeader(SEQUENCE_DELIMITER, 0, encoding)])
    return { tag: pixels.tag, bytes }
  }

  #tables(frames: readonly EncodedFrame[], fragments: readonly Uint8Array[]): Change[] {
    const { dataSet } = this.#facts.file
    const replace = (tag: Tag, numbers: readonly number[]): Change[] => {
      const element = findElement(dataSet.elements, tag)
      if (element === undefined) return []
      const header = dataSet.source.view(element.start, element.valueStart)
      return [{ tag, bytes: concatBytes(header, tableOf(numbers, 8)) }]
    }
    const lengths = frames.map(({ codestream }) => codestream.length)
    return [...replace(EXTENDED_OFFSETS, offsetsOf(fragments)), ...replace(EXTENDED_LENGTHS, lengths)]
  }

  #colour(frames: readonly EncodedFrame[]): Change[] {
    const { dataSet } = this.#facts.file
    const [first] = frames
    const meaning = first?.photometricInterpretation
    if (meaning === undefined || meaning === textAt(dataSet, PHOTOMETRIC_INTERPRETATION)) return []
    const element = text(PHOTOMETRIC_INTERPRETATION, 'CS', meaning)
    return [{ tag: PHOTOMETRIC_INTERPRETATION, bytes: encodeElement(element, dataSet.encoding) }]
  }
}

function offsetsOf(fragments: readonly Uint8Array[]): readonly number[] {
  let offset = 0
  return fragments.map(({ length }) => {
    const start = offset
    offset += 8 + length
    return start
  })
}

/** An offset or length table, little endian. @throws {FormatError} `codec_unsupported` where 4 bytes do not hold an offset */
function tableOf(numbers: readonly number[], size: 4 | 8): Uint8Array {
  const view = new DataView(new ArrayBuffer(size * numbers.length))
  for (const [i, number] of numbers.entries()) {
    if (size === 8) view.setBigUint64(8 * i, BigInt(number), true)
    else if (number < OFFSET_LIMIT) view.setUint32(4 * i, number, true)
    else throw new FormatError('codec_unsupported', 'frames beyond the reach of a basic offset table')
  }
  return new Uint8Array(view.buffer)
}
