/**
 * Flips: change any one byte of a signed data set, and no signature over all of it is valid any more.
 *
 * What PS3.15 leaves unsigned is listed here place by place; nothing else may go unnoticed. Those places are covered
 * by the seal beside the file.
 */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import {
  DIGITAL_SIGNATURES_SEQUENCE,
  isSignable,
  MAC_PARAMETERS_SEQUENCE,
} from '@fiducial/core/domain/signature/signable.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { type Element, formatTag } from '@fiducial/core/formats/dicom/element.ts'
import type { DicomFile } from '@fiducial/core/formats/dicom/parse.ts'
import { sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { createSite, type Identity, type SigningSite } from '../testing/signing-site.ts'
import { nowAsDateTime, parse, SUBJECTS, sign, signatureSubjects, subjectNamed, verify } from './signature-subjects.ts'

const SEED = 0x5eed
const CERTIFICATE = 0x04000115
const MAC_TRANSFER_SYNTAX = 0x04000010

/** Each of another kind: syntaxes, codestreams, sequences, unknown VRs, trailing padding. */
const FILES = [
  'CT_small.dcm',
  'MR_small_implicit.dcm',
  'MR_small_bigendian.dcm',
  'reportsi.dcm',
  'test-SR.dcm',
  'rtplan.dcm',
  'JPEG2000.dcm',
  'rtdose_rle.dcm',
  'emri_small_jpeg_ls_lossless.dcm',
  'nested_priv_SQ.dcm',
  'waveform_ecg.dcm',
  'MR-SIEMENS-DICOM-WithOverlays.dcm',
]
const FLIPS_PER_FILE = 250
const FLIPS_PER_SUBJECT = 8

describe('flips of single bytes', { skip: sharedSkip }, () => {
  let site: SigningSite
  let device: Identity
  before(async () => {
    site = await createSite(temporaryFolder())
    device = await site.enrol({ name: 'device', role: 'device' })
  })

  const seal = (file: DicomFile): Promise<Uint8Array> =>
    sign(file, [{ signer: device.signer, hash: 'sha256', purpose: '14', uid: '2.25.1', dateTime: nowAsDateTime() }])

  /** The place of a flip that went unnoticed although it may not, or undefined. */
  function look(signed: Uint8Array, file: DicomFile, offset: number, mask: number): string | undefined {
    const flipped = signed.slice()
    flipped[offset] = (flipped[offset] as number) ^ mask
    const place = placeOf(file.dataSet.elements, offset)
    let after: DicomFile
    try {
      after = parse(flipped)
    } catch (error) {
      if (error instanceof FormatError) return undefined
      throw error
    }
    const { signatures } = verify(after, site.anchors)
    const name = `${place.trail.map(({ tag, vr }) => formatTag(tag) + vr).join('.')} ${place.part}, mask ${mask}`
    for (const { state, mac } of signatures) {
      if (state === 'valid' && !isUnsigned(place)) return `valid at ${name}`
      // Where a value is signed its every bit is, and no reading of it makes the digest right again.
      if (mac.outcome === 'holds' && place.part === 'value' && !isUnsigned(place) && !isCertificate(place))
        return `holds at ${name}`
    }
    return undefined
  }

  for (const name of FILES) {
    it(`never leave a valid signature in ${name}`, async () => {
      const signed = await seal(subjectNamed(name).file)
      const file = parse(signed)
      assert.equal(verify(file, site.anchors).signatures[0]?.state, 'valid')
      const random = generator(SEED + FILES.indexOf(name))
      const span = signed.length - file.dataSetStart
      const missed: string[] = []
      for (let i = 0; i < FLIPS_PER_FILE; i++) {
        // Headers come first and the signatures last: a third of the flips each, and a third anywhere.
        const reach = i % 3 === 0 ? span : Math.min(span, 4000)
        const from = i % 3 === 2 ? signed.length - reach : file.dataSetStart
        const offset = from + Math.floor(random() * reach)
        const problem = look(
          signed,
          file,
          offset,
          i % 2 === 0 ? 1 << Math.floor(random() * 8) : 1 + Math.floor(random() * 255),
        )
        if (problem !== undefined) missed.push(problem)
      }
      assert.deepEqual(missed, [])
    })
  }

  it('never leave a valid signature in any file', async () => {
    const random = generator(SEED)
    const missed: string[] = []
    let flips = 0
    for (const { name, file: subject } of signatureSubjects()) {
      if (subject.isDeflated) continue
      const signed = await seal(subject)
      const file = parse(signed)
      for (let i = 0; i < FLIPS_PER_SUBJECT; i++) {
        const offset = file.dataSetStart + Math.floor(random() * (signed.length - file.dataSetStart))
        const problem = look(signed, file, offset, 1 + Math.floor(random() * 255))
        if (problem !== undefined) missed.push(`${name}: ${problem}`)
        flips++
      }
    }
    assert.deepEqual(missed, [])
    assert.equal(flips, (SUBJECTS - 2) * FLIPS_PER_SUBJECT)
  })

  it('never leave a valid signature in a deflated file, in its compressed bytes or in the data set in them', async () => {
    const random = generator(SEED)
    const signed = await seal(subjectNamed('image_dfl.dcm').file)
    const file = parse(signed)
    const inflated = joinBytes([...file.dataSet.source.chunks(0, file.dataSet.source.length)])
    let noticed = 0
    for (let i = 0; i < 100; i++) {
      const offset = file.dataSetStart + Math.floor(random() * (signed.length - file.dataSetStart))
      const flipped = signed.slice()
      flipped[offset] = (flipped[offset] as number) ^ (1 + Math.floor(random() * 255))
      if (isNoticed(flipped, inflated)) noticed++
    }
    assert.equal(noticed, 100)
  })

  /** Refused, or not valid; bits that the compressor leaves unused may change nothing. */
  function isNoticed(flipped: Uint8Array, inflated: Uint8Array): boolean {
    try {
      const after = parse(flipped)
      const { source } = after.dataSet
      const isSame = Buffer.compare(joinBytes([...source.chunks(0, source.length)]), inflated) === 0
      return isSame || !verify(after, site.anchors).signatures.some(({ state }) => state === 'valid')
    } catch (error) {
      if (error instanceof FormatError) return true
      throw error
    }
  }

  it('are all seen in every byte of a small data set', async () => {
    const { file: subject } = subjectNamed('rtplan.dcm')
    const signed = await seal(subject)
    const file = parse(signed)
    const missed: string[] = []
    for (let offset = file.dataSetStart; offset < signed.length; offset++) {
      const problem = look(signed, file, offset, 1 << (offset % 8))
      if (problem !== undefined) missed.push(problem)
    }
    assert.deepEqual(missed, [])
  })
})

interface Place {
  /** The element and those around it, from the top level down. */
  readonly trail: readonly Element[]
  readonly part: 'header' | 'value' | 'item' | 'delimiter'
  /** Distance to the end of the value; 1 for its last byte. */
  readonly fromEnd: number
}

function placeOf(elements: readonly Element[], offset: number, trail: readonly Element[] = []): Place {
  const element = elements.find(({ start, end }) => offset >= start && offset < end)
  if (element === undefined) return { trail, part: 'delimiter', fromEnd: 0 }
  const here = [...trail, element]
  if (offset < element.valueStart) return { trail: here, part: 'header', fromEnd: 0 }
  if (offset >= element.valueEnd) return { trail: here, part: 'delimiter', fromEnd: 0 }
  const item = element.items?.find(({ start, end }) => offset >= start && offset < end)
  if (item !== undefined) {
    return offset < item.valueStart ? { trail: here, part: 'item', fromEnd: 0 } : placeOf(item.elements, offset, here)
  }
  const fragment = element.fragments?.find(({ start, end }) => offset >= start && offset < end)
  if (fragment !== undefined && offset < fragment.valueStart) return { trail: here, part: 'item', fromEnd: 0 }
  return { trail: here, part: 'value', fromEnd: element.valueEnd - offset }
}

/** The places that PS3.15 and its stream leave out. */
function isUnsigned({ trail, part, fromEnd }: Place): boolean {
  const [top] = trail
  const leaf = trail.at(-1)
  if (top === undefined || leaf === undefined) return false
  // The parameters speak for themselves: other tags or another algorithm give another digest. What they say of the
  // syntax and how their own VRs are spelled has no part in it.
  if (top.tag === MAC_PARAMETERS_SEQUENCE)
    return leaf.tag === MAC_TRANSFER_SYNTAX || (trail.length > 1 && part === 'header')
  if (top.tag === DIGITAL_SIGNATURES_SEQUENCE) return false
  // Unknown VRs, group lengths, groups below 8, trailing padding: at the top level and inside items.
  if (trail.some((element) => !isSignable(element))) return true
  // A NUL or a space behind a UID: DCMTK takes either away.
  return leaf.vr === 'UI' && part === 'value' && fromEnd === 1
}

/** Whose certificate it is decides whether a signer is believed, and not whether the digest is right. */
const isCertificate = ({ trail }: Place): boolean => trail.at(-1)?.tag === CERTIFICATE

/** Numbers from 0 up to 1 that are the same in every run. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
