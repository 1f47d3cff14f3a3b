/**
 * Forgeries: what is done to sealed images without their keys, and by which check, reason and place each shows.
 *
 * Each is judged twice: with its seal under the policy for acquisitions, and alone under the one for signatures, where
 * some leave nothing to see. None is ever authentic.
 */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { FORGERIES, replayDate } from '@fiducial/core/domain/forge/forgeries.ts'
import { SIGNATURES_POLICY, type Verdict } from '@fiducial/core/domain/verdict/policy.ts'
import { findElement, type Item, type Tag } from '@fiducial/core/formats/dicom/element.ts'
import { encodeElement, encodeHeader, encodeItem, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import type { DicomFile } from '@fiducial/core/formats/dicom/parse.ts'
import type { Change } from '@fiducial/core/formats/dicom/splice.ts'
import { text, us } from '@fiducial/core/formats/dicom/values.ts'
import type { VerifiedInstance } from '../services/verify-instance.ts'
import { sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { complaints, createSealingSite, type SealedImage, type SealingSite } from './sealing-site.ts'
import { assemble, parse, subjectNamed } from './signature-subjects.ts'

interface Expected {
  /** With the seal: complaints that have to be among those that are told, each with a place. */
  readonly sealed: Readonly<Record<string, RegExp>>
  /** Alone: the verdict, and one of the complaints. */
  readonly alone: readonly [Verdict, string]
}

const SOMEWHERE = /./
const TAMPERED: Expected['alone'] = ['not_authentic', 'device_signature: tampered']
const ABSENT: Expected['alone'] = ['undetermined', 'device_signature: signature_absent']

const EXPECTED: Readonly<Record<string, Expected>> = {
  'pixel-flip': { sealed: { 'content: pixels_changed': /^frame 1 changed$/ }, alone: TAMPERED },
  nodule: { sealed: { 'content: pixels_changed': /^frame 1 changed$/ }, alone: TAMPERED },
  'patient-swap': { sealed: { 'content: patient_changed': /\(0010,0020\) Patient ID changed/ }, alone: TAMPERED },
  'side-swap': { sealed: { 'content: geometry_changed': /\(0020,006[02]\) .*Laterality changed/ }, alone: TAMPERED },
  'second-pixels': {
    sealed: {
      'encoding: encoding_ambiguous': /\(7fe0,0010\) occurs twice/,
      'content: pixels_changed': /\(7fe0,0010\) Pixel Data duplicated/,
    },
    alone: ['not_authentic', 'encoding: encoding_ambiguous'],
  },
  'second-patient': {
    sealed: {
      'encoding: encoding_ambiguous': /\(0010,0020\) occurs twice/,
      'content: patient_changed': /\(0010,0020\) Patient ID duplicated/,
    },
    alone: ['not_authentic', 'encoding: encoding_ambiguous'],
  },
  overlay: {
    sealed: { 'content: overlay_changed': /\(6000,3000\) Overlay Data added/ },
    alone: ['not_authentic', 'coverage: unsigned_overlay'],
  },
  shutter: {
    sealed: { 'content: display_changed': /\(0018,1600\) Shutter Shape added/ },
    alone: ['not_authentic', 'coverage: unsigned_display_attribute'],
  },
  window: { sealed: { 'content: display_changed': /\(0028,1050\) Window Center changed/ }, alone: TAMPERED },
  replay: { sealed: { 'content: date_changed': /\(0008,0020\) Study Date changed/ }, alone: TAMPERED },
  // The technologist's signature still covers every attribute, and is no device's.
  'device-removed': { sealed: { 'device_signature: signature_removed': /^$/ }, alone: ABSENT },
  stripped: {
    sealed: { 'device_signature: signature_removed': /^$/, 'operator_signature: signature_removed': /^$/ },
    alone: ABSENT,
  },
  // Without the seal nothing is left to see.
  'stripped-bare': { sealed: { 'device_signature: signature_absent': /^$/, 'seal: seal_absent': /^$/ }, alone: ABSENT },
  program: {
    sealed: { 'encoding: preamble_executable': /^offset 0$/ },
    alone: ['not_authentic', 'encoding: preamble_executable'],
  },
  'fragments-merged': {
    sealed: { 'fragments: fragments_ambiguous': /^fragment 1$/, 'content: fragments_ambiguous': SOMEWHERE },
    alone: ['not_authentic', 'fragments: fragments_ambiguous'],
  },
}

/** Complaints with their places in one text each. */
const placesOf = ({ checks }: VerifiedInstance): ReadonlyMap<string, string> =>
  new Map(
    checks.flatMap((check) =>
      check.outcome === 'holds' ? [] : [[complaints([check])[0] ?? '', (check.where ?? []).join('; ')]],
    ),
  )

describe('forgeries of sealed images', { skip: sharedSkip }, () => {
  const folder = temporaryFolder()
  let site: SealingSite
  let ct: SealedImage
  let cine: SealedImage
  before(async () => {
    site = await createSealingSite(folder)
    ct = await site.seal(subjectNamed('CTImage.dcm').bytes)
    cine = await site.seal(subjectNamed('examples_ybr_color.dcm').bytes)
    for (const { image, seal } of [ct, cine]) assert.equal((await site.verify(image, seal)).verdict, 'authentic')
  })
  const alone = (image: Uint8Array): Promise<VerifiedInstance> =>
    site.verify(image, undefined, { policy: SIGNATURES_POLICY })

  it('are all in the table', () => {
    assert.deepEqual(FORGERIES.map(({ id }) => id).sort(), Object.keys(EXPECTED).sort())
  })

  for (const { id, title, victim, apply, keepsSeal } of FORGERIES) {
    it(`show: ${title}`, async () => {
      const { sealed, alone: bare } = EXPECTED[id] as Expected
      const { image, seal } = victim === 'cine' ? cine : ct
      const forged = apply(image)
      const found = await site.verify(forged, keepsSeal ? seal : undefined)
      assert.equal(found.verdict, keepsSeal ? 'not_authentic' : 'undetermined')
      assert.equal(found.level, 'P0')
      const places = placesOf(found)
      for (const [complaint, where] of Object.entries(sealed)) {
        assert.match(places.get(complaint) ?? `no ${complaint}`, where)
      }
      const without = await alone(forged)
      assert.deepEqual([without.verdict, [...placesOf(without).keys()].find((one) => one === bare[1])], bare)
    })
  }

  describe('beyond the demonstration', () => {
    const edit = (bytes: Uint8Array, ...elements: readonly NewElement[]): Uint8Array => {
      const file = parse(bytes)
      const change = (element: NewElement): Change => ({
        tag: element.tag,
        bytes: encodeElement(element, file.dataSet.encoding),
      })
      return assemble(file, elements.map(change))
    }
    const sequence = (file: DicomFile, tag: Tag, items: readonly Uint8Array[]): Change => {
      const { encoding } = file.dataSet
      const content = joinBytes(items.map((item) => encodeItem(item, encoding)))
      return { tag, bytes: joinBytes([encodeHeader(tag, 'SQ', content.length, encoding), content]) }
    }
    const itemsOf = (file: DicomFile, tag: Tag): readonly Uint8Array[] =>
      (findElement(file.dataSet.elements, tag)?.items ?? []).map(({ valueStart, valueEnd }: Item) =>
        file.dataSet.source.view(valueStart, valueEnd),
      )
    const SIGNATURES: Tag = 0xfffafffa
    const MAC_PARAMETERS: Tag = 0x4ffe0001

    it('shows an old image under new dates and new identifiers', async () => {
      const replayed = edit(
        replayDate(ct.image),
        text(0x00080018, 'UI', '2.25.1'),
        text(0x0020000d, 'UI', '2.25.2'),
        text(0x0020000e, 'UI', '2.25.3'),
      )
      const places = placesOf(await site.verify(replayed, ct.seal))
      assert.match(places.get('content: date_changed') ?? '', /Study Date changed/)
      assert.match(
        places.get('content: identity_changed') ?? '',
        /SOP Instance UID changed.*Study Instance UID changed/,
      )
      // Group 0002 still names the old instance.
      assert.match(places.get('encoding: meta_contradicted') ?? '', /\(0002,0003\)/)
    })

    it('tells the seal of another image from an edit', async () => {
      const twin = await site.seal(edit(subjectNamed('CTImage.dcm').bytes, text(0x00080018, 'UI', '2.25.4')))
      const found = await site.verify(twin.image, ct.seal)
      assert.equal(found.verdict, 'not_authentic')
      assert.ok(placesOf(found).has('content: other_instance'))
      assert.match(found.sentence, /its seal belongs to another image/)
      // The same image, sealed twice: both seals are right, and neither goes with the other's signatures.
      const again = await site.seal(subjectNamed('CTImage.dcm').bytes)
      const crossed = await site.verify(again.image, ct.seal)
      assert.deepEqual(
        [crossed.verdict, crossed.content],
        ['not_authentic', 'unchanged'],
        complaints(crossed.checks).join(', '),
      )
      assert.ok(placesOf(crossed).has('device_signature: signature_removed'))
    })

    it('shows an attribute of VR UN that no signature covers and readers understand', async () => {
      const { image } = await site.seal(
        subjectNamed('CTImage.dcm_LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1.dcm').bytes,
      )
      const forged = edit(image, { tag: 0x00283010, vr: 'UN', value: new Uint8Array(8) })
      const places = placesOf(await alone(forged))
      assert.match(places.get('coverage: unsigned_display_attribute') ?? '', /\(0028,3010\)/)
      assert.equal((await alone(forged)).verdict, 'not_authentic')
    })

    it('shows bytes that are hidden among the signatures', async () => {
      const file = parse(ct.image)
      const items = itemsOf(file, MAC_PARAMETERS)
      const spare = encodeElement(us(0x04000005, 9), file.dataSet.encoding)
      const padding = encodeElement({ tag: 0xfffcfffc, vr: 'OB', value: new Uint8Array(64) }, file.dataSet.encoding)
      const [first = new Uint8Array(0), ...rest] = items
      for (const changed of [
        [...items, spare],
        [joinBytes([first, padding]), ...rest],
      ]) {
        const found = await site.verify(assemble(file, [sequence(file, MAC_PARAMETERS, changed)]), ct.seal)
        assert.equal(found.verdict, 'undetermined')
        assert.match(placesOf(found).get('other_signatures: signature_parts_left') ?? '', /at offset \d+/)
      }
    })

    it('shows a signature that lost its certificate, its value or its place', async () => {
      const file = parse(ct.image)
      const items = itemsOf(file, SIGNATURES)
      const damaged: readonly (readonly [readonly Uint8Array[], string])[] = [
        [[...items].reverse(), ''],
        [[(items[0] as Uint8Array).subarray(0, 10), items[1] as Uint8Array], 'other_signatures: signature_malformed'],
        [[...items, items[0] as Uint8Array], ''],
        [[items[1] as Uint8Array, items[1] as Uint8Array], 'device_signature: signature_removed'],
        [[new Uint8Array(0), ...items], 'other_signatures: signature_malformed'],
      ]
      for (const [changed, complaint] of damaged) {
        const found = await site.verify(assemble(file, [sequence(file, SIGNATURES, changed)]), ct.seal)
        if (complaint === '') assert.equal(found.verdict, 'authentic', 'order says nothing, and a copy nothing new')
        else {
          assert.equal(found.verdict, 'not_authentic', complaint)
          assert.ok(placesOf(found).has(complaint), `${complaint} among ${complaints(found.checks).join(', ')}`)
        }
      }
    })

    it('shows a header that names another instance', async () => {
      const start = ct.image.findIndex((_, i) => ct.image[i] === 2 && ct.image[i + 1] === 0 && ct.image[i + 2] === 3)
      const other = ct.image.slice()
      other[start + 9] = '9'.charCodeAt(0)
      const found = await site.verify(other, ct.seal)
      assert.equal(found.verdict, 'undetermined')
      assert.match(placesOf(found).get('encoding: meta_contradicted') ?? '', /\(0002,0003\)/)
      assert.equal(found.content, 'unchanged')
    })
  })
})
