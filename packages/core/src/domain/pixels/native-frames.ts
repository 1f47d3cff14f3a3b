/**
 * Native frames: samples that lie in the file as they are, read and written in place.
 *
 * Source: PS3.5 sections 7.3 and 8.1.1 and annex A. Every byte behind the last frame stays. A file whose data set is deflated is held in memory.
 */
import { concatBytes, joinBytes } from '../../bytes/text.ts'
import type { Element } from '../../formats/dicom/element.ts'
import { swapWords } from '../../formats/dicom/encode.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { piecesOf, spliceFile } from '../../formats/dicom/splice.ts'
import { type CellLayout, frameBytesOf, readCells, writeCells } from './cells.ts'
import { type ChangePlanes, unsuited } from './image-pixels.ts'

export class NativeFrames {
  readonly count: number
  readonly isLossy = false
  readonly #file: DicomFile
  readonly #pixels: Element
  readonly #layout: CellLayout
  readonly #frameBytes: number
  /** Under OW, words of 16 bits stand the other way round, also where they hold two samples of 8. */
  readonly #isSwapped: boolean

  /** @throws {FormatError} `pixels_unsuited` for pixel data that is not as long as its frames */
  constructor(file: DicomFile, pixels: Element, layout: CellLayout, count: number) {
    const { valueStart, valueEnd, encoding, vr } = pixels
    this.count = count
    this.#file = file
    this.#pixels = pixels
    this.#layout = layout
    this.#frameBytes = frameBytesOf(layout)
    this.#isSwapped = !encoding.isLittleEndian && vr !== 'OB'
    const total = this.#frameBytes * count
    const held = valueEnd - valueStart
    if (!Number.isInteger(count) || count < 1 || (held !== total && held !== total + (total % 2)))
      throw unsuited('another length than that of its frames')
    if (this.#isSwapped && this.#frameBytes % 2 === 1) throw unsuited('an odd length in big endian')
  }

  /** The bytes of a frame in little endian. */
  read(frame: number): Uint8Array {
    const start = this.#pixels.valueStart + frame * this.#frameBytes
    const stored = this.#file.dataSet.source.view(start, start + this.#frameBytes)
    return this.#isSwapped ? swapWords(stored, 2) : stored
  }

  *write(change: ChangePlanes): Generator<Uint8Array> {
    const { dataSet, isDeflated } = this.#file
    const { source } = dataSet
    const { start, valueStart, valueEnd, end, tag } = this.#pixels
    const padding = source.view(valueStart + this.count * this.#frameBytes, valueEnd)
    if (isDeflated) {
      const value = joinBytes([...this.#changed(change), padding])
      const bytes = concatBytes(source.view(start, valueStart), value, source.view(valueEnd, end))
      yield* piecesOf(spliceFile(this.#file, [{ tag, bytes }]))
      return
    }
    yield* source.chunks(0, valueStart)
    yield* this.#changed(change)
    yield* source.chunks(valueEnd - padding.length, source.length)
  }

  *#changed(change: ChangePlanes): Generator<Uint8Array> {
    for (let frame = 0; frame < this.count; frame++) {
      const bytes = this.read(frame)
      const made = writeCells(bytes, this.#layout, change(frame, readCells(bytes, this.#layout)))
      yield this.#isSwapped ? swapWords(made, 2) : made
    }
  }
}
