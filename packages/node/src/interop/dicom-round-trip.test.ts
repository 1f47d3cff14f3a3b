/** Every readable file of the shared data, put together again from its index: not a byte is lost or invented. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { type ByteSource, memorySource } from '@fiducial/core/bytes/source.ts'
import { concatBytes, joinBytes } from '@fiducial/core/bytes/text.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { Element } from '@fiducial/core/formats/dicom/element.ts'
import { encodeElement } from '@fiducial/core/formats/dicom/encode.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { piecesOf, spliceDataSet, spliceFile } from '@fiducial/core/formats/dicom/splice.ts'
import { openFileSource } from '../storage/file-source.ts'
import { sharedSkip } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'

/** Not DICOM, or without a start that could be told from anything else; every other file is readable. */
const NOT_DICOM = new Set([
  'cornerstone/wadors/CTImageEvenAligned.dat',
  'cornerstone/wadors/CTImageOddAligned.dat',
  'cornerstone/wadors/metadata',
  'pydicom/test_files/crayons.icc',
  'pydicom/test_files/no_meta.dcm',
  'pydicom/test_files/zipMR.gz',
])

/** What stands between values: headers of elements, items and delimiters; and the values themselves. */
class Assembly {
  readonly #source: ByteSource
  readonly #pieces: Uint8Array[] = []
  #at: number

  constructor(source: ByteSource, start: number) {
    this.#source = source
    this.#at = start
  }

  /** The next range must begin where the last one ended: a gap would be bytes that the index does not know. */
  take(start: number, end: number): void {
    assert.equal(start, this.#at, 'a gap or an overlap')
    assert.ok(end >= start)
    this.#pieces.push(this.#source.view(start, end))
    this.#at = end
  }

  elements(elements: readonly Element[]): void {
    for (const { start, valueStart, valueEnd, end, items, fragments } of elements) {
      this.take(start, valueStart)
      for (const item of items ?? []) {
        this.take(item.start, item.valueStart)
        this.elements(item.elements)
        if (this.#at < item.valueEnd) this.take(this.#at, item.valueEnd)
        this.take(item.valueEnd, item.end)
      }
      for (const fragment of fragments ?? []) {
        this.take(fragment.start, fragment.valueStart)
        this.take(fragment.valueStart, fragment.end)
      }
      if (items === undefined && fragments === undefined) this.take(valueStart, valueEnd)
      else assert.equal(this.#at, valueEnd)
      this.take(valueEnd, end)
    }
  }

  get end(): number {
    return this.#at
  }

  get bytes(): Uint8Array {
    return joinBytes(this.#pieces)
  }
}

function assemble({ source, preamble, meta, dataSet, dataSetStart, isDeflated }: DicomFile): {
  head: Uint8Array
  body: Uint8Array
} {
  const head = new Assembly(source, 0)
  if (preamble !== 'absent') head.take(0, 132)
  head.elements(meta)
  assert.equal(head.end, dataSetStart)
  const body = new Assembly(dataSet.source, dataSet.start)
  body.elements(dataSet.elements)
  assert.equal(body.end, dataSet.end)
  if (isDeflated) head.take(dataSetStart, source.length)
  return { head: head.bytes, body: body.bytes }
}

/** The index as plain values, without the sources. */
const plain = ({ preamble, meta, transferSyntaxUid, dataSetStart, dataSet, findings }: DicomFile): unknown => ({
  preamble,
  meta,
  transferSyntaxUid,
  dataSetStart,
  elements: dataSet.elements,
  end: dataSet.end,
  findings,
})

/** A source that gives each view as a copy with nothing around it, and chunks of three bytes. */
function grudgingSource(bytes: Uint8Array): ByteSource {
  const { view, length } = memorySource(bytes)
  return {
    length,
    isInMemory: false,
    view: (start, end) => new Uint8Array(view(start, end)),
    *chunks(start, end) {
      for (let at = start; at < end; at += 3) yield new Uint8Array(view(at, Math.min(end, at + 3)))
    },
  }
}

describe('every file of the shared data', { skip: sharedSkip }, () => {
  const files = sharedSkip ? [] : sharedFiles('data/dicom')

  it('is refused only where it is not DICOM', () => {
    const refused = files.filter(({ path }) => {
      try {
        parseDicom(memorySource(readFileSync(path)))
        return false
      } catch (error) {
        assert.ok(error instanceof FormatError && error.code === 'dicom_not_dicom')
        return true
      }
    })
    assert.deepEqual(new Set(refused.map(({ name }) => name)), NOT_DICOM)
    assert.ok(files.length > 200)
  })

  for (const { path, name } of files.filter((file) => !NOT_DICOM.has(file.name))) {
    it(name, () => {
      const bytes = new Uint8Array(readFileSync(path))
      const file = parseDicom(memorySource(bytes))
      const { head, body } = assemble(file)
      assert.ok(Buffer.from(file.isDeflated ? head : concatBytes(head, body)).equals(bytes), 'from the index')
      assert.ok(Buffer.from(joinBytes([...piecesOf(spliceFile(file, []))])).equals(bytes), 'without a change')

      using streamed = openFileSource(path, { inMemoryBytes: 0 })
      assert.deepEqual(plain(parseDicom(streamed)), plain(file), 'over a file')
      assert.deepEqual(plain(parseDicom(grudgingSource(bytes))), plain(file), 'in tiny pieces')

      // Something is put in and taken out again.
      const { encoding, elements } = file.dataSet
      const tag = 0x00091001
      if (elements.some((element) => element.tag === tag)) return
      const added = encodeElement({ tag, vr: 'OB', value: Uint8Array.of(1, 2, 3, 4) }, encoding)
      const larger = joinBytes([...piecesOf(spliceDataSet(file, [{ tag, bytes: added }]))])
      assert.equal(larger.length, file.dataSet.source.length - file.dataSet.start + added.length)
      const whole = file.isDeflated
        ? spliceFile(file, [{ tag, bytes: added }])
        : [bytes.subarray(0, file.dataSetStart), larger]
      const again = parseDicom(memorySource(joinBytes([...piecesOf(whole)])))
      const restored = joinBytes([...piecesOf(spliceDataSet(again, [{ tag, bytes: new Uint8Array(0) }]))])
      assert.ok(
        Buffer.from(restored).equals(file.dataSet.source.view(file.dataSet.start, file.dataSet.source.length)),
        'taken out',
      )
    })
  }
})
