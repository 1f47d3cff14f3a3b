/** Files that we write, read by DCMTK without a warning; and files that DCMTK writes in each syntax, read by us. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { type Element, formatTag } from '@fiducial/core/formats/dicom/element.ts'
import { encodeElement, encodeFile, type NewElement, swapWords } from '@fiducial/core/formats/dicom/encode.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { piecesOf, spliceFile } from '@fiducial/core/formats/dicom/splice.ts'
import { at, fd, ob, sq, text, us } from '@fiducial/core/formats/dicom/values.ts'
import { wordBytes } from '@fiducial/core/formats/dicom/vr.ts'
import { peer, run, sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'

const dcmdump = peer('dcmdump')
const dcmconv = peer('dcmconv')
const dcmcrle = peer('dcmcrle')
const skip = dcmdump.skip || dcmconv.skip || dcmcrle.skip

const NATIVE = ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.1.99', '1.2.840.10008.1.2.2']

const ELEMENTS: readonly NewElement[] = [
  text(0x00080005, 'CS', 'ISO_IR 192'),
  text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7'),
  text(0x00080018, 'UI', '1.2.3'),
  text(0x00080060, 'CS', 'OT'),
  sq(0x00081140, [text(0x00081150, 'UI', '1.2'), text(0x00081155, 'UI', '1.2.3.4')], []),
  text(0x00100010, 'PN', 'Müller^Änne'),
  text(0x00100020, 'LO', 'odd'),
  fd(0x00189073, 1.5),
  us(0x00280002, 1),
  text(0x00280004, 'CS', 'MONOCHROME2'),
  at(0x00280009, 0x00181063),
  us(0x00280010, 4),
  us(0x00280011, 4),
  us(0x00280100, 16),
  us(0x00280101, 16),
  us(0x00280102, 15),
  us(0x00280103, 0),
  ob(0x00420011, Uint8Array.of(1, 2, 3)),
  { tag: 0x7fe00010, vr: 'OW', value: Uint8Array.from({ length: 32 }, (_, i) => i) },
]

describe('files that we write', { skip }, () => {
  const folder = temporaryFolder()

  for (const uid of [...NATIVE, '1.2.840.10008.1.2.5']) {
    it(`are read by dcmdump without a warning, in ${uid}`, async () => {
      const fragments = [new Uint8Array(0), readRle()]
      const encapsulated: NewElement[] = [...ELEMENTS.slice(0, -1), { tag: 0x7fe00010, vr: 'OB', fragments }]
      const elements = uid.endsWith('.5') ? encapsulated : ELEMENTS
      const delimiters = uid.endsWith('.5') ? 2 : 1
      const path = join(folder, `${uid}.dcm`)
      writeFileSync(path, joinBytes(encodeFile({ transferSyntaxUid: uid, elements })))
      const { code, stdout, stderr } = await run(dcmdump.path, ['-v', '-dc', '+L', path])
      assert.equal(code, 0, stderr)
      assert.doesNotMatch(stderr, /^[WEF]:/m)
      assert.equal(stdout.match(/^\(/gm)?.length, delimiters + 7 + elements.length)
      assert.match(stdout, /PN \[Müller\^Änne \] /)
      assert.match(stdout, /UI \[?=?SecondaryCaptureImageStorage/)
    })
  }
})

/** One row of 4 × 4 samples of 16 bits in two segments, as RLE of PS3.5 annex G spells it: literal runs only. */
function readRle(): Uint8Array {
  const header = new Uint8Array(64)
  const view = new DataView(header.buffer)
  view.setUint32(0, 2, true)
  view.setUint32(4, 64, true)
  view.setUint32(8, 64 + 18, true)
  const segment = Uint8Array.of(15, ...Array.from({ length: 16 }, (_, i) => i), 0)
  return joinBytes([header, segment, segment])
}

/** Tags and values of a data set and its items, however they are spelled; what a VR is depends on the dictionary. */
function contentOf({ dataSet: { source, elements } }: DicomFile): string[] {
  const valueHex = ({ valueStart, valueEnd, vr, encoding }: Element): string => {
    const value = source.view(valueStart, valueEnd)
    return Buffer.from(encoding.isLittleEndian ? value : swapWords(value, wordBytes(vr))).toString('hex')
  }
  const walk = (list: readonly Element[]): string[] =>
    list.flatMap((element) => [
      `${formatTag(element.tag)} ${element.items === undefined ? valueHex(element) : ''}`,
      ...(element.items ?? []).flatMap((one) => ['[', ...walk(one.elements), ']']),
    ])
  return walk(elements)
}

describe('files that DCMTK writes', { skip: sharedSkip || skip }, () => {
  const folder = temporaryFolder()
  const options = {
    'implicit little endian': '+ti',
    'explicit little endian': '+te',
    'explicit big endian': '+tb',
    deflated: '+td',
  }
  for (const [name, syntax] of Object.entries(options)) {
    for (const lengths of ['+e', '-e']) {
      it(`are read by us without a finding: ${name}, ${lengths === '+e' ? 'stated' : 'undefined'} lengths`, async () => {
        for (const source of [
          'data/dicom/pydicom/test_files/rtplan.dcm',
          'data/dicom/pydicom/test_files/CT_small.dcm',
          'data/dicom/pydicom/test_files/test-SR.dcm',
        ]) {
          const [input, output] = [sharedPath(source), join(folder, 'converted.dcm')]
          assert.equal((await run(dcmconv.path, [syntax, lengths, input, output])).code, 0)
          const [before, after] = [input, output].map((path) => parseDicom(memorySource(readFileSync(path)))) as [
            DicomFile,
            DicomFile,
          ]
          assert.deepEqual(after.findings, [])
          assert.deepEqual(contentOf(after), contentOf(before))
        }
      })
    }
  }

  it('stay readable by DCMTK when an element is put in, in each syntax', async () => {
    for (const [name, syntax] of Object.entries(options)) {
      const [converted, spliced] = [join(folder, 'before.dcm'), join(folder, 'after.dcm')]
      assert.equal(
        (await run(dcmconv.path, [syntax, sharedPath('data/dicom/pydicom/test_files/CT_small.dcm'), converted])).code,
        0,
      )
      const file = parseDicom(memorySource(readFileSync(converted)))
      const bytes = encodeElement(text(0x00104000, 'LT', 'put in by a test'), file.dataSet.encoding)
      writeFileSync(spliced, joinBytes([...piecesOf(spliceFile(file, [{ tag: 0x00104000, bytes }]))]))
      const dump = async (path: string): Promise<string[]> => {
        const { code, stdout, stderr } = await run(dcmdump.path, ['-v', '-dc', path])
        assert.equal(code, 0)
        assert.doesNotMatch(stderr, /^[EF]:/m)
        return stdout.split('\n')
      }
      const [before, after] = [await dump(converted), await dump(spliced)]
      const added = after.filter((line) => !before.includes(line))
      assert.deepEqual(
        added.map((line) => line.slice(0, 34)),
        ['(0010,4000) LT [put in by a test] '],
        name,
      )
      assert.deepEqual(
        after.filter((line) => !added.includes(line)),
        before,
      )
    }
  })
})
