/**
 * Forgeries: what an attacker can do to a signed image without its keys, and how each of them shows.
 *
 * Beside our own answer stands that of `dcmsign`, which passes many of them: the flaws are those of the standard and
 * of what a profile asks for, not of one program.
 */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { checkFragments } from '@fiducial/core/domain/signature/fragments.ts'
import type { SignatureRequest } from '@fiducial/core/domain/signature/sign.ts'
import { DIGITAL_SIGNATURES_SEQUENCE, MAC_PARAMETERS_SEQUENCE } from '@fiducial/core/domain/signature/signable.ts'
import type { SignatureReport } from '@fiducial/core/domain/signature/verify.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { type Element, findElement, formatTag, type Tag } from '@fiducial/core/formats/dicom/element.ts'
import { encodeElement, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import type { DicomFile } from '@fiducial/core/formats/dicom/parse.ts'
import type { Change } from '@fiducial/core/formats/dicom/splice.ts'
import { text, us } from '@fiducial/core/formats/dicom/values.ts'
import { sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { createSite, type Identity, type SigningSite } from '../testing/signing-site.ts'
import {
  assemble,
  dcmsign,
  dcmsignVerify,
  nowAsDateTime,
  parse,
  sign,
  strip,
  subjectNamed,
  verify,
} from './signature-subjects.ts'

const PIXEL_DATA = 0x7fe00010
const PATIENT_NAME = 0x00100010
const PATIENT_ID = 0x00100020
const ITEM_TAG = Uint8Array.of(0xfe, 0xff, 0x00, 0xe0)

describe('forgeries of signed images', { skip: sharedSkip || dcmsign.skip }, () => {
  const folder = temporaryFolder()
  let site: SigningSite
  let device: Identity
  let technologist: Identity
  before(async () => {
    site = await createSite(folder)
    device = await site.enrol({ name: 'device', role: 'device' })
    technologist = await site.enrol({ name: 'technologist', role: 'person' })
  })

  const byDevice = (more: Partial<SignatureRequest> = {}): SignatureRequest => ({
    signer: device.signer,
    hash: 'sha256',
    purpose: '14',
    uid: '2.25.1',
    dateTime: nowAsDateTime(),
    ...more,
  })
  const byTechnologist = (): SignatureRequest => byDevice({ signer: technologist.signer, purpose: '1', uid: '2.25.2' })
  const signed = async (name: string, ...requests: readonly SignatureRequest[]): Promise<DicomFile> =>
    parse(await sign(subjectNamed(name).file, requests.length === 0 ? [byDevice()] : requests))

  const first = (bytes: Uint8Array, anchors: TrustAnchors = site.anchors, now = new Date()): SignatureReport => {
    const [report] = verify(parse(bytes), anchors, { now }).signatures
    assert.ok(report)
    return report
  }
  const dcmsignPasses = async (bytes: Uint8Array): Promise<boolean> =>
    (await dcmsignVerify(folder, site.root.certificatePath, bytes, '+rg')).code === 0
  const openTags = ({ unsigned }: SignatureReport): readonly string[] =>
    unsigned.map(({ tag, concern }) => `${formatTag(tag)} ${concern}`)

  describe('that make two readers see two images', () => {
    for (const [tag, what] of [
      [PATIENT_ID, 'Patient ID'],
      [PIXEL_DATA, 'Pixel Data'],
    ] as const) {
      it(`are refused as ambiguous: a second ${what}, which dcmsign passes`, async () => {
        const file = await signed('CT_small.dcm')
        const original = bytesOf(file, tag)
        const forged = original.slice()
        const middle = forged.length - 2
        forged[middle] = (forged[middle] as number) ^ 1
        const bytes = assemble(file, [{ tag, bytes: joinBytes([original, forged]) }])
        assert.equal(await dcmsignPasses(bytes), true)
        assert.equal(first(bytes).state, 'ambiguous_encoding')
        const { findings } = parse(bytes)
        assert.deepEqual(
          findings.map(({ code }) => code),
          ['dicom_duplicate_tag'],
        )
        assert.ok(findings[0]?.message.includes(formatTag(tag)))
      })
    }

    /** One of each family of codestreams, with several frames. */
    const MULTI_FRAME = [
      { name: 'examples_ybr_color.dcm', family: 'JPEG baseline', frames: 30 },
      { name: 'emri_small_jpeg_ls_lossless.dcm', family: 'JPEG-LS', frames: 10 },
      { name: 'emri_small_jpeg_2k_lossless.dcm', family: 'JPEG 2000', frames: 10 },
      { name: 'emri_small_RLE.dcm', family: 'RLE', frames: 10 },
      { name: 'rtdose_rle.dcm', family: 'RLE without an offset table', frames: 15 },
      { name: 'liver_deflate.dcm', family: 'deflated frames', frames: 3 },
    ]
    for (const { name, family, frames } of MULTI_FRAME) {
      it(`show although the signature holds: two fragments of ${family} made one, which hides a frame`, async () => {
        const file = await signed(name)
        assert.deepEqual(checkFragments(file), { outcome: 'holds' })
        for (const fragment of [0, 1, frames >> 1, frames - 1]) {
          const bytes = assemble(file, [mergeFragments(file, fragment)])
          assert.equal(first(bytes).mac.outcome, 'holds', 'the flaw of the standard')
          if (family !== 'deflated frames') assert.equal(await dcmsignPasses(bytes), true)
          assert.deepEqual(checkFragments(parse(bytes)), {
            outcome: 'fails',
            reason: 'fragments_ambiguous',
            where: { path: '', fragment },
          })
        }
      })

      it(`show although the signature holds: all fragments of ${family} made one`, async () => {
        const file = await signed(name)
        let forged = file
        for (let i = 1; i < frames; i++) forged = parse(assemble(forged, [mergeFragments(forged, 1)]))
        assert.equal(findElement(forged.dataSet.elements, PIXEL_DATA)?.fragments?.length, 2)
        const check = checkFragments(forged)
        assert.equal(check.outcome, 'fails')
      })
    }

    it('leave a gap: a fragment cut in two where its data happen to hold an item tag', async () => {
      const file = parse(await sign(parse(withTagInData()), [byDevice()]))
      assert.deepEqual(checkFragments(file), { outcome: 'holds' })
      const [table, whole] = fragmentsOf(file)
      assert.ok(table && whole)
      const at = Buffer.from(whole).indexOf(ITEM_TAG)
      const cut = [table, whole.subarray(0, at), whole.subarray(at + 4)]
      const bytes = assemble(file, [spell({ tag: PIXEL_DATA, vr: 'OB', fragments: cut })])
      assert.equal(first(bytes).mac.outcome, 'holds')
      const check = checkFragments(parse(bytes))
      assert.equal(check.outcome, 'unknown')
      assert.equal(check.outcome === 'unknown' && check.reason, 'fragments_undecidable')
    })

    /** An RLE image with FE FF 00 E0 among its literal bytes. */
    function withTagInData(): Uint8Array {
      const { file } = subjectNamed('MR_small_RLE.dcm')
      const [rows, columns] = [2, 8]
      const high = Uint8Array.of(15, 0, 0xfe, 0xff, 0x00, 0xe0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
      const low = Uint8Array.of(0x100 - 15, 7)
      const header = new Uint8Array(64)
      header.set([2, 0, 0, 0, 64, 0, 0, 0, 64 + high.length, 0, 0, 0])
      const codestream = joinBytes([header, high, low, new Uint8Array(1)])
      return assemble(file, [
        spell(us(0x00280010, rows)),
        spell(us(0x00280011, columns)),
        spell({ tag: PIXEL_DATA, vr: 'OB', fragments: [new Uint8Array(0), codestream] }),
      ])
    }
  })

  describe('that add what nobody signed', () => {
    const ADDITIONS: readonly {
      what: string
      name: string
      elements: readonly NewElement[]
      open: readonly string[]
    }[] = [
      {
        what: 'a window',
        name: 'CT_small.dcm',
        elements: [text(0x00281050, 'DS', '40'), text(0x00281051, 'DS', '1')],
        open: ['(0028,1050) display', '(0028,1051) display'],
      },
      {
        what: 'a VOI LUT function',
        name: 'CT_small.dcm',
        elements: [text(0x00281056, 'CS', 'SIGMOID')],
        open: ['(0028,1056) display'],
      },
      {
        what: 'a shutter over the findings',
        name: 'CT_small.dcm',
        elements: [text(0x00181600, 'CS', 'RECTANGULAR'), text(0x00181602, 'IS', '64')],
        open: ['(0018,1600) display', '(0018,1602) display'],
      },
      {
        what: 'an overlay in group 6002',
        name: 'CT_small.dcm',
        elements: [us(0x60020010, 128), us(0x60020011, 128)],
        open: ['(6002,0010) overlay', '(6002,0011) overlay'],
      },
      {
        what: 'a presentation LUT that inverts',
        name: 'CT_small.dcm',
        elements: [text(0x20500020, 'CS', 'INVERSE')],
        open: ['(2050,0020) display'],
      },
      {
        what: 'another name of the patient',
        name: 'CT_small.dcm',
        elements: [text(0x00101005, 'PN', 'Other^Patient')],
        open: ['(0010,1005) patient'],
      },
    ]
    for (const { what, name, elements, open } of ADDITIONS) {
      it(`leave it open to see: ${what}, which dcmsign passes`, async () => {
        const bytes = assemble(await signed(name), elements.map(spell))
        assert.equal(await dcmsignPasses(bytes), true)
        const report = first(bytes)
        assert.equal(report.mac.outcome, 'holds')
        assert.equal(report.state, 'insufficient_coverage')
        assert.deepEqual(openTags(report), open)
      })
    }

    it('leave it open to see: another patient under a list that the Creator profile is content with', async () => {
      const list = [0x00080016, 0x00080018, 0x0020000d, 0x0020000e, 0x00280002, 0x00280010, 0x00280011, PIXEL_DATA]
      const file = await signed('CT_small.dcm', byDevice({ tags: list }))
      const bytes = assemble(file, [
        spell(text(PATIENT_NAME, 'PN', 'Other^Patient')),
        spell(text(PATIENT_ID, 'LO', 'X')),
      ])
      assert.equal(await dcmsignPasses(bytes), true)
      const report = first(bytes)
      assert.equal(report.mac.outcome, 'holds')
      assert.equal(report.state, 'insufficient_coverage')
      const patient = openTags(report).filter((open) => open.endsWith(' patient'))
      assert.ok(patient.includes('(0010,0010) patient') && patient.includes('(0010,0020) patient'), patient.join())
    })
  })

  describe('that take away', () => {
    it('leave no signature to hold: all of them stripped', async () => {
      const bytes = strip(await signed('CT_small.dcm', byDevice(), byTechnologist()))
      assert.deepEqual(verify(parse(bytes), site.anchors), { signatures: [], malformed: [] })
      assert.equal((await dcmsignVerify(folder, site.root.certificatePath, bytes)).code, 0)
    })

    it("leave only the technologist, who is no device: the device's signature removed", async () => {
      const bytes = strip(await signed('CT_small.dcm', byDevice(), byTechnologist()), new Set(['2.25.1']))
      assert.equal(await dcmsignPasses(bytes), true)
      const { signatures } = verify(parse(bytes), site.anchors)
      assert.deepEqual(
        signatures.map(({ state, purpose, signer }) => `${state} ${purpose} ${signer.role}`),
        ['valid 1 person'],
      )
    })

    it('show as tampered: a signed attribute removed, moved into the list of another, or renamed', async () => {
      const file = await signed('CT_small.dcm')
      const name = bytesOf(file, PATIENT_NAME)
      const renamed = name.slice()
      renamed[4] = 'L'.charCodeAt(0)
      renamed[5] = 'O'.charCodeAt(0)
      for (const change of [new Uint8Array(0), renamed]) {
        const report = first(assemble(file, [{ tag: PATIENT_NAME, bytes: change }]))
        assert.deepEqual(report.mac, { outcome: 'fails' })
        assert.equal(report.state, 'tampered')
      }
    })

    it('show as tampered: an attribute taken out of the list and out of the file', async () => {
      const file = await signed('CT_small.dcm')
      const list = bytesOf(file, MAC_PARAMETERS_SEQUENCE)
      const at = Buffer.from(list).indexOf(Uint8Array.of(0x10, 0, 0x10, 0))
      // Replaced by its neighbour: a tag that stands in the list twice adds nothing.
      const shorter = list.slice()
      shorter.set(list.subarray(at + 4, at + 8), at)
      const report = first(
        assemble(file, [
          { tag: MAC_PARAMETERS_SEQUENCE, bytes: shorter },
          { tag: PATIENT_NAME, bytes: new Uint8Array(0) },
        ]),
      )
      assert.equal(report.state, 'tampered')
    })
  })

  describe('that borrow a signature', () => {
    it('show as tampered: the signature of another image', async () => {
      const donor = await signed('MR_small.dcm')
      const sequences = [MAC_PARAMETERS_SEQUENCE, DIGITAL_SIGNATURES_SEQUENCE]
      const changes = sequences.map((tag) => ({ tag, bytes: bytesOf(donor, tag) }))
      assert.equal(first(assemble(subjectNamed('CT_small.dcm').file, changes)).state, 'tampered')
    })

    it('show as tampered: another date, purpose or UID in the signature itself', async () => {
      const file = await signed('CT_small.dcm')
      const item = bytesOf(file, DIGITAL_SIGNATURES_SEQUENCE)
      const dateTime = Buffer.from(item).indexOf(nowAsDateTime().slice(0, 8))
      for (const at of [
        dateTime,
        Buffer.from(item).indexOf('2.25.1'),
        Buffer.from(item).indexOf('14', dateTime + 30),
      ]) {
        const changed = item.slice()
        changed[at] = (changed[at] as number) ^ 1
        const report = first(assemble(file, [{ tag: DIGITAL_SIGNATURES_SEQUENCE, bytes: changed }]))
        assert.deepEqual(report.mac, { outcome: 'fails' })
      }
    })

    it('show as tampered: a certificate of somebody else put in its place', async () => {
      const impostor = { ...device.signer, certificate: technologist.signer.certificate }
      const report = first(await sign(subjectNamed('CT_small.dcm').file, [byDevice({ signer: impostor })]))
      assert.deepEqual(report.mac, { outcome: 'fails' })
      assert.equal(report.state, 'tampered')
    })
  })

  describe('by those who may not sign', () => {
    const signedBy = async (identity: Identity, more: Partial<SignatureRequest> = {}): Promise<Uint8Array> =>
      sign(subjectNamed('CT_small.dcm').file, [byDevice({ signer: identity.signer, ...more })])

    it('show by their role: a technologist as a device, which dcmsign passes', async () => {
      const bytes = await signedBy(technologist)
      assert.equal(await dcmsignPasses(bytes), true)
      const { purpose, signer } = first(bytes)
      assert.deepEqual([purpose, signer.role], ['14', 'person'])
    })

    it('show by their role: any certificate below a trusted authority, which dcmsign passes', async () => {
      const bytes = await signedBy(await site.enrol({ name: 'web-server' }))
      assert.equal(await dcmsignPasses(bytes), true)
      assert.equal(first(bytes).signer.role, 'uncertified')
    })

    it('are not believed: a key of an authority that nobody here knows, or that has a known name', async () => {
      const elsewhere = await createSite(temporaryFolder())
      const rogue = await elsewhere.enrol({ name: 'rogue', role: 'device' })
      const report = first(await signedBy(rogue))
      assert.equal(report.state, 'untrusted_signer')
      assert.equal(report.mac.outcome, 'holds')
      // Both authorities call themselves by one name: the key decides.
      assert.ok(report.signer.path.outcome === 'untrusted')
      assert.equal(report.signer.path.reason, 'issuer_other_key')
    })

    it('are not believed: the timestamp authority, or an authority itself, in the place of a device', async () => {
      const clock = await site.enrol({ name: 'clock', role: 'timestamp' })
      assert.equal(first(await signedBy(clock)).signer.role, 'timestamp')
    })

    it('prove no time: a key whose certificate has run out, with a date from before', async () => {
      const expired = await site.enrol({
        name: 'expired',
        role: 'device',
        from: '20260101000000Z',
        to: '20260201000000Z',
      })
      const before = first(await signedBy(expired, { dateTime: '20260115120000.000000+0000' }))
      assert.equal(before.state, 'time_unproven')
      assert.equal(before.signer.path.outcome, 'expired')
      const after = first(await signedBy(expired, { dateTime: '20260315120000.000000+0000' }))
      assert.equal(after.state, 'untrusted_signer')
      // The last hour of the certificate, told in the time of a zone where it is past already.
      const zone = first(await signedBy(expired, { dateTime: '20260201003000.000000+0100' }))
      assert.equal(zone.state, 'time_unproven')
      const late = first(await signedBy(expired, { dateTime: '20260131233000.000000-0100' }))
      assert.equal(late.state, 'untrusted_signer')
    })

    it('are not believed: a certificate that is not good yet', async () => {
      const early = await site.enrol({ name: 'early', role: 'device', from: '21000101000000Z', to: '21010101000000Z' })
      assert.equal(first(await signedBy(early)).state, 'untrusted_signer')
    })

    it('are refused: a key that is known to be in wrong hands, whatever date it writes', async () => {
      const stolen = await site.enrol({ name: 'stolen', role: 'device' })
      const bytes = await signedBy(stolen, { dateTime: '20260301120000.000000+0000' })
      assert.equal(first(bytes).state, 'valid')
      await site.root.revoke(stolen, 'keyCompromise')
      const anchors = { ...site.anchors, crls: [await site.root.crl()] }
      const report = first(bytes, anchors)
      assert.equal(report.state, 'revoked')
      assert.equal(report.signer.path.revocation, 'revoked')
    })
  })
})

const bytesOf = ({ dataSet: { source, elements } }: DicomFile, tag: Tag): Uint8Array => {
  const element = findElement(elements, tag)
  if (element === undefined) throw new Error(`no ${formatTag(tag)}`)
  return source.view(element.start, element.end)
}

const spell = (element: NewElement): Change => ({
  tag: element.tag,
  bytes: encodeElement(element, { isLittleEndian: true, isExplicit: true }),
})

function fragmentsOf({ dataSet: { source, elements } }: DicomFile): readonly Uint8Array[] {
  const { fragments = [] } = findElement(elements, PIXEL_DATA) as Element
  return fragments.map(({ valueStart, end }) => source.view(valueStart, end))
}

/** Joins a fragment with the next one by the four bytes of an item tag, so that the digested stream stays as it was. */
function mergeFragments(file: DicomFile, index: number): Change {
  const fragments = fragmentsOf(file)
  const merged = joinBytes([fragments[index] as Uint8Array, ITEM_TAG, fragments[index + 1] as Uint8Array])
  const rest = [...fragments.slice(0, index), merged, ...fragments.slice(index + 2)]
  return spell({ tag: PIXEL_DATA, vr: 'OB', fragments: rest })
}
