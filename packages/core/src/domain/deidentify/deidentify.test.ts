import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { memorySource } from '../../bytes/source.ts'
import { equalBytes, joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { findElement, type Tag } from '../../formats/dicom/element.ts'
import { encodeFile, type NewElement } from '../../formats/dicom/encode.ts'
import { type DicomFile, parseDicom } from '../../formats/dicom/parse.ts'
import { piecesOf } from '../../formats/dicom/splice.ts'
import {
  DEFLATED_EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../formats/dicom/transfer-syntax.ts'
import { readText, readUint16s, sq, text, textAt, us } from '../../formats/dicom/values.ts'
import { actionOf } from './actions.ts'
import { deidentify } from './deidentify.ts'
import { doubtPixels } from './doubt-pixels.ts'
import { BASIC_PROFILE, type DeidentifyProfile } from './profile.ts'
import { Pseudonyms, shiftDate } from './pseudonym.ts'

const KEY = new Uint8Array(32).fill(7)
const means = { hashes: portableCrypto.hash, key: KEY }

const ELEMENTS: readonly NewElement[] = [
  text(0x00080005, 'CS', 'ISO_IR 192'),
  text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
  text(0x00080018, 'UI', '1.2.3.4.1'),
  text(0x0008001c, 'CS', 'YES'),
  text(0x00080020, 'DA', '20260303'),
  text(0x00080021, 'DA', '20260304'),
  text(0x0008002a, 'DT', '20260303101400.123+0100'),
  text(0x00080030, 'TM', '101400'),
  text(0x00080060, 'CS', 'CT'),
  text(0x00080070, 'LO', 'ACME'),
  text(0x00080080, 'LO', 'Mercy Hospital'),
  text(0x00081030, 'LO', 'Chest of Jane'),
  text(0x00081070, 'PN', 'Doe^J'),
  sq(
    0x00081140,
    [text(0x00081150, 'UI', '1.2.840.10008.5.1.4.1.1.2'), text(0x00081155, 'UI', '1.2.3.4.2')],
    [text(0x00081150, 'UI', '1.2.840.10008.5.1.4.1.1.2'), text(0x00081155, 'UI', '1.2.3.4.1')],
  ),
  { tag: 0x00090010, vr: 'LO', value: new TextEncoder().encode('ACME 1.1') },
  { tag: 0x00091001, vr: 'LO', value: new TextEncoder().encode('safe') },
  { tag: 0x00091002, vr: 'LO', value: new TextEncoder().encode('Jane') },
  text(0x00100010, 'PN', 'Roe^Jane'),
  text(0x00100020, 'LO', '4711'),
  text(0x00100030, 'DA', '19700101'),
  text(0x00100040, 'CS', 'F'),
  text(0x00181000, 'LO', 'SERIAL-1'),
  text(0x0020000d, 'UI', '1.2.3.4'),
  text(0x0020000e, 'UI', '1.2.3.4.9'),
  text(0x00200010, 'SH', 'S1'),
  us(0x00280010, 2),
  us(0x00280011, 2),
  sq(0x0040a730, [
    text(0x0040a040, 'CS', 'TEXT'),
    us(0x0040a0b0, 1, 2, 3),
    text(0x0040a160, 'UT', 'Jane Roe has a fracture'),
  ]),
  us(0x60000010, 2),
  { tag: 0x60003000, vr: 'OW', value: new Uint8Array(8).fill(0xaa) },
  { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(8).fill(5) },
  { tag: 0xfffcfffc, vr: 'OB', value: new TextEncoder().encode('Jane') },
]

const fileOf = (elements: readonly NewElement[], transferSyntaxUid = EXPLICIT_LITTLE_ENDIAN): DicomFile =>
  parseDicom(memorySource(joinBytes(encodeFile({ transferSyntaxUid, elements }))))

function run(profile: Partial<DeidentifyProfile> = {}, file = fileOf(ELEMENTS)): DicomFile {
  const { segments } = deidentify(file, { ...BASIC_PROFILE, ...profile }, means)
  const bytes = joinBytes([...piecesOf(segments)])
  return parseDicom(memorySource(bytes), { isStrict: true })
}

const at = (file: DicomFile, tag: Tag): string | undefined => textAt(file.dataSet, tag)
const has = (file: DicomFile, tag: Tag): boolean => findElement(file.dataSet.elements, tag) !== undefined

describe('deidentify', () => {
  for (const syntax of [
    EXPLICIT_LITTLE_ENDIAN,
    IMPLICIT_LITTLE_ENDIAN,
    EXPLICIT_BIG_ENDIAN,
    DEFLATED_EXPLICIT_LITTLE_ENDIAN,
  ]) {
    it(`leaves no word about the patient in any place (${syntax})`, () => {
      const file = run({}, fileOf(ELEMENTS, syntax))
      const whole = new TextDecoder('latin1').decode(file.dataSet.source.view(0, file.dataSet.source.length))
      for (const word of ['Jane', 'Roe', '4711', 'Mercy', 'Doe', '1.2.3.4', 'SERIAL', 'fracture', '20260303', '1970']) {
        assert.equal(whole.includes(word), false, word)
      }
      assert.equal(file.transferSyntaxUid, syntax)
      assert.equal(at(file, 0x0008001c), 'YES')
    })
  }

  it('keeps what says nothing, and every byte of the pixels', () => {
    const file = run()
    assert.equal(at(file, 0x00080060), 'CT')
    const pixels = findElement(file.dataSet.elements, 0x7fe00010)
    assert.ok(pixels !== undefined)
    assert.ok(equalBytes(file.dataSet.source.view(pixels.valueStart, pixels.valueEnd), new Uint8Array(8).fill(5)))
    assert.equal(has(file, 0x60000010), false)
    assert.equal(has(file, 0xfffcfffc), false)
  })

  it('says of itself how it was made', () => {
    const file = run({ retain: ['device'] })
    assert.equal(at(file, 0x00120062), 'YES')
    assert.equal(at(file, 0x00280303), 'REMOVED')
    const codes = findElement(file.dataSet.elements, 0x00120064)?.items?.map(({ elements }) => {
      const code = findElement(elements, 0x00080100)
      return code && readText(file.dataSet.source, code)
    })
    assert.deepEqual(codes, ['113100', '113109'])
  })

  it('gives references the UIDs that the images they name will get', () => {
    const file = run()
    const items = findElement(file.dataSet.elements, 0x00081140)?.items ?? []
    const uids = items.map(({ elements }) => {
      const uid = findElement(elements, 0x00081155)
      return uid && readText(file.dataSet.source, uid)
    })
    const pseudonyms = new Pseudonyms(portableCrypto.hash, KEY)
    assert.deepEqual(uids, [pseudonyms.uid('1.2.3.4.2'), at(file, 0x00080018)])
    const meta = findElement(file.meta, 0x00020003)
    assert.equal(meta && readText(file.source, meta), at(file, 0x00080018))
  })

  it('gives a patient one name, and another one under another key', () => {
    const other = fileOf(ELEMENTS.map((one) => (one.tag === 0x00080018 ? text(0x00080018, 'UI', '1.2.3.9') : one)))
    assert.match(at(run(), 0x00100020) ?? '', /^ANON[0-9A-F]{12}$/)
    assert.equal(at(run({}, other), 0x00100020), at(run(), 0x00100020))
    const { segments } = deidentify(fileOf(ELEMENTS), BASIC_PROFILE, { ...means, key: new Uint8Array(16) })
    const elsewhere = parseDicom(memorySource(joinBytes([...piecesOf(segments)])))
    assert.notEqual(at(elsewhere, 0x00100020), at(run(), 0x00100020))
    // The name is emptied by the profile or follows from the same key; it never stays.
    assert.notEqual(at(run(), 0x00100010), 'Roe^Jane')
  })

  it('moves all dates of a patient by the same whole weeks where it is asked to', () => {
    const file = run({ retain: ['modified_dates'] })
    const days = (date: string | undefined): number =>
      Date.parse(`${date?.slice(0, 4)}-${date?.slice(4, 6)}-${date?.slice(6, 8)}`) / 86_400_000
    assert.equal(days(at(file, 0x00080021)) - days(at(file, 0x00080020)), 1)
    const moved = days(at(file, 0x00080020)) - days('20260303')
    assert.ok(moved < 0 && moved % 7 === 0)
    assert.equal(at(file, 0x0008002a), `${at(file, 0x00080020)}101400.123+0100`)
    assert.equal(at(file, 0x00080030), '101400')
    assert.equal(at(file, 0x00280303), 'MODIFIED')
    // A birth date is about the patient, not about the course of events.
    assert.equal(at(file, 0x00100030), undefined)
  })

  it('retains what a profile names, and nothing beside it', () => {
    assert.equal(at(run({ retain: ['device'] }), 0x00181000), 'SERIAL-1')
    assert.equal(at(run({ retain: ['institution'] }), 0x00080080), 'Mercy Hospital')
    assert.equal(at(run({ retain: ['patient_characteristics'] }), 0x00100040), 'F')
    assert.equal(at(run({ retain: ['uids'] }), 0x00080018), '1.2.3.4.1')
    assert.equal(at(run({ retain: ['full_dates'] }), 0x00080020), '20260303')
    for (const option of ['device', 'institution', 'patient_characteristics', 'uids', 'full_dates'] as const) {
      const file = run({ retain: [option] })
      assert.notEqual(at(file, 0x00100020), '4711', option)
      assert.equal(has(file, 0x00091002), false, option)
    }
  })

  it('keeps private attributes of the list alone, with their creator', () => {
    const file = run({ safePrivate: [{ group: 9, creator: 'ACME 1.1', element: 1 }] })
    assert.equal(at(file, 0x00090010), 'ACME 1.1')
    assert.equal(at(file, 0x00091001), 'safe')
    assert.equal(has(file, 0x00091002), false)
    assert.equal(has(run({ safePrivate: [{ group: 9, creator: 'OTHER', element: 1 }] }), 0x00090010), false)
  })

  it('fills what has to stay with values that say nothing, as many as there were', () => {
    const file = run()
    const [item] = findElement(file.dataSet.elements, 0x0040a730)?.items ?? []
    const numbers = findElement(item?.elements ?? [], 0x0040a0b0)
    assert.deepEqual(numbers && readUint16s(file.dataSet.source, numbers), [1, 1, 1])
    const kind = findElement(item?.elements ?? [], 0x0040a040)
    assert.equal(kind && readText(file.dataSet.source, kind), 'TEXT')
  })

  it('does it again to the same effect', () => {
    const once = run({ retain: ['uids'] })
    const twice = run({ retain: ['uids'] }, once)
    // The pseudonym of a pseudonym is another one; all else has nothing left to change.
    const rest = (file: DicomFile): readonly number[] => file.dataSet.elements.map(({ tag }) => tag)
    assert.deepEqual(rest(twice), rest(once))
  })

  it('refuses what two programs could read differently', () => {
    const bytes = joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: ELEMENTS }))
    const cut = parseDicom(memorySource(bytes.subarray(0, bytes.length - 5)))
    assert.throws(() => deidentify(cut, BASIC_PROFILE, means), FormatError)
  })

  it('makes a clean file or none of every damaged one', () => {
    const bytes = joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: ELEMENTS }))
    let made = 0
    for (let at = 132; at < bytes.length; at++) {
      for (const flip of [0x01, 0x80]) {
        const damaged = bytes.slice()
        damaged[at] = (damaged[at] as number) ^ flip
        try {
          run({}, parseDicom(memorySource(damaged)))
          made++
        } catch (error) {
          assert.ok(error instanceof FormatError, String(error))
        }
      }
    }
    assert.ok(made > 100)
  })

  it('asks for a key that cannot be guessed', () => {
    assert.throws(() => deidentify(fileOf(ELEMENTS), BASIC_PROFILE, { ...means, key: new Uint8Array(8) }), RangeError)
  })
})

describe('actionOf', () => {
  it('takes away what no table knows', () => {
    assert.equal(actionOf(0x00090010, []), 'remove')
    assert.equal(actionOf(0x00280000, []), 'remove')
    assert.equal(actionOf(0x7ffe0002, []), 'remove')
    assert.equal(actionOf(0x50000010, []), 'remove')
    assert.equal(actionOf(0x00080060, []), 'keep')
  })
})

describe('shiftDate', () => {
  for (const [date, days, expected] of [
    ['20260301', -1, '20260228'],
    ['2024.03.01', -1, '20240229'],
    ['20260303', 0, '20260303'],
    ['00010101', -7, undefined],
    ['20260230', -7, undefined],
    ['202603', -7, undefined],
    ['yesterday', -7, undefined],
  ] as const) {
    it(`makes ${expected ?? 'nothing'} of ${date} and ${days} days`, () =>
      assert.equal(shiftDate(date, days), expected))
  }
})

describe('doubtPixels', () => {
  const doubts = (...more: readonly NewElement[]) => {
    const own = [0x00080016, 0x00080018, 0x00080060, 0x7fe00010].map((tag) => ELEMENTS.find((one) => one.tag === tag))
    const all = new Map([...own.flatMap((one) => one ?? []), ...more].map((one) => [one.tag, one]))
    return doubtPixels(fileOf([...all.values()].toSorted((a, b) => a.tag - b.tag)))
  }
  it('believes an image that says that nothing is burned in', () => {
    assert.deepEqual(doubts(), [])
    assert.deepEqual(doubts(text(0x00080060, 'CS', 'US'), text(0x00280301, 'CS', 'NO')), [])
  })
  it('doubts compressed pixels with notes of a camera, also where their header is cut', () => {
    const jpeg = Uint8Array.of(0xff, 0xd8, 0xff, 0xe1, 0, 6, 1, 2, 3, 4, 0xff, 0xda, 0, 2)
    const withFragments = (...fragments: readonly Uint8Array[]) => {
      const elements = ELEMENTS.filter(({ tag }) => tag === 0x00080016 || tag === 0x00080018)
      const pixels = { tag: 0x7fe00010, vr: 'OB', fragments: [new Uint8Array(0), ...fragments] } as const
      return doubtPixels(fileOf([...elements, pixels], '1.2.840.10008.1.2.4.70'))
    }
    assert.deepEqual(withFragments(jpeg), ['codestream_notes'])
    assert.deepEqual(withFragments(jpeg.subarray(0, 2), jpeg.subarray(2)), ['codestream_notes'])
    assert.deepEqual(withFragments(Uint8Array.of(0xff, 0xd8, 0xff, 0xda, 0, 2)), [])
  })
  it('doubts what says that there is, and what often has it', () => {
    assert.deepEqual(doubts(text(0x00280301, 'CS', 'YES')), ['burned_in'])
    assert.deepEqual(doubts(text(0x00080060, 'CS', 'US')), ['burned_in'])
    assert.deepEqual(doubts(text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7')), ['burned_in'])
    assert.deepEqual(doubts(text(0x00280302, 'CS', 'YES')), ['recognizable_features'])
    assert.deepEqual(doubts(us(0x60000100, 16)), ['embedded_overlay'])
  })
})
