/** Text in every repertoire, against what DCMTK makes of it in UTF-8; Japanese, which its iconv may lack, by hand. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { type CharacterSet, readCharacterSet, readCharacters } from '@fiducial/core/formats/dicom/character-set.ts'
import { type Element, formatTag } from '@fiducial/core/formats/dicom/element.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { text } from '@fiducial/core/formats/dicom/values.ts'
import { peer, run, sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'

const dcmdump = peer('dcmdump')
const TEXT = new Set(['LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UT'])

/** `tag text` of every text of the data set and its items, without padding. */
function ourTexts(bytes: Uint8Array): string[] {
  const { source, elements } = parseDicom(memorySource(bytes)).dataSet
  const walk = (list: readonly Element[], outer?: CharacterSet): string[] => {
    const set = readCharacterSet(source, list, outer)
    return list.flatMap((element) => [
      ...(TEXT.has(element.vr) && element.valueEnd > element.valueStart
        ? [`${formatTag(element.tag)} ${readCharacters(source, element, set)}`]
        : []),
      ...(element.items ?? []).flatMap((item) => walk(item.elements, set)),
    ])
  }
  return walk(elements)
}

/** The same by DCMTK; undefined where it has no converter for the character set. */
async function theirTexts(path: string): Promise<string[] | undefined> {
  const { code, stdout, stderr } = await run(dcmdump.path, ['+U8', '+L', path])
  if (code !== 0 && /conver/i.test(stderr)) return undefined
  assert.equal(code, 0, stderr)
  const line = /^ *(\([0-9a-f]{4},[0-9a-f]{4}\)) (?:LO|LT|PN|SH|ST|UC|UT) \[(.*)\] +# +\d+,/gm
  return Array.from(stdout.matchAll(line), ([, tag = '', value = '']) => `${tag} ${value.replace(/ *$/, '')}`).filter(
    (one) => !one.startsWith('(0002'),
  )
}

/** From PS3.5 annex H and the names in the files of pydicom. */
const JAPANESE: Readonly<Record<string, string>> = {
  'chrH31.dcm': 'Yamada^Tarou=山田^太郎=やまだ^たろう',
  'chrH32.dcm': 'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
  'chrJapMulti.dcm': 'やまだ^たろう',
  'chrJapMultiExplicitIR6.dcm': 'やまだ^たろう',
  'chrSQEncoding.dcm': 'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
  'chrSQEncoding1.dcm': 'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
}

describe('text of the character set files', { skip: sharedSkip || dcmdump.skip }, () => {
  for (const { path, name } of sharedSkip ? [] : sharedFiles('data/dicom/pydicom/charset_files')) {
    it(name, async () => {
      const ours = ourTexts(readFileSync(path))
      const theirs = await theirTexts(path)
      if (theirs !== undefined) assert.deepEqual(ours, theirs)
      const japanese = JAPANESE[name]
      assert.ok(theirs !== undefined || japanese !== undefined, 'somebody knows what it says')
      if (japanese !== undefined) assert.ok(ours.includes(`(0010,0010) ${japanese}`), ours.join('\n'))
    })
  }
})

/** A file with one text value of these bytes. */
function fileWith(characterSet: string, value: Uint8Array): Uint8Array {
  const elements = [
    text(0x00080005, 'CS', characterSet),
    text(0x00080016, 'UI', '1.2'),
    text(0x00080018, 'UI', '1.2.3'),
    { tag: 0x00104000, vr: 'LT', value },
  ]
  return joinBytes(encodeFile({ transferSyntaxUid: '1.2.840.10008.1.2.1', elements }))
}

describe('the upper half of each single-byte repertoire', { skip: dcmdump.skip }, () => {
  const folder = temporaryFolder()
  // What DCMTK 3.6.7 does not know: ISO_IR 203.
  for (const number of [100, 101, 109, 110, 144, 127, 126, 138, 148, 166, 13]) {
    it(`ISO_IR ${number}`, async () => {
      const term = `ISO_IR ${number}`
      const path = join(folder, `${number}.dcm`)
      const known: number[] = []
      const unknown: number[] = []
      for (let byte = 0xa1; byte <= 0xff; byte++) {
        const [, ours = ''] = ourTexts(fileWith(term, Uint8Array.of(0x78, byte, 0x78)))[0]?.split(' ') ?? []
        if (ours.includes('\ufffd')) unknown.push(byte)
        else known.push(byte)
      }
      assert.ok(known.length >= 50, `${known.length} characters`)
      const all = fileWith(term, Uint8Array.from(known.flatMap((byte) => [byte, 0x78])))
      writeFileSync(path, all)
      assert.deepEqual(ourTexts(all), await theirTexts(path))
      // DCMTK reads what follows ISO_IR 13 as Shift JIS; the standard has no such characters.
      for (const byte of number === 13 ? [] : unknown) {
        writeFileSync(path, fileWith(term, Uint8Array.of(0x78, byte, 0x78)))
        assert.equal(await theirTexts(path), undefined, byte.toString(16))
      }
    })
  }
})
