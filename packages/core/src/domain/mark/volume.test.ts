import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { joinBytes } from '../../bytes/text.ts'
import { encodeFile } from '../../formats/dicom/encode.ts'
import { parseDicom } from '../../formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '../../formats/dicom/transfer-syntax.ts'
import { text } from '../../formats/dicom/values.ts'
import { checkVolumes, inSliceOrder, slicePlaceOf, type VolumeMember } from './volume.ts'

const nonce = (byte: number) => new Uint8Array(16).fill(byte)
const member = (index: number, more: Partial<VolumeMember> & { readonly nonce?: number } = {}): VolumeMember => ({
  label: `slice-${index}`,
  series: '1.2',
  position: 5 * index,
  place: { volumeNonce: nonce(more.nonce ?? 1), index, count: 4 },
  ...more,
})
const whole = [0, 1, 2, 3].map((index) => member(index))
const kindsOf = (members: readonly VolumeMember[]) => checkVolumes(members).map(({ kind }) => kind)

describe('checkVolumes', () => {
  it('finds nothing in a whole volume, in whichever order its slices come', () => {
    assert.deepEqual(checkVolumes(whole), [])
    assert.deepEqual(checkVolumes(whole.toReversed()), [])
  })

  it('finds a slice that is missing', () => {
    assert.deepEqual(checkVolumes(whole.filter((_, i) => i !== 2)), [{ kind: 'missing', indices: [2], count: 1 }])
  })

  it('finds a slice that is there twice', () => {
    const twice = [...whole, member(1, { label: 'copy' })]
    assert.deepEqual(checkVolumes(twice), [{ kind: 'doubled', index: 1, labels: ['slice-1', 'copy'] }])
  })

  it('finds slices that have changed places', () => {
    const swapped = [member(0), member(1, { position: 10 }), member(2, { position: 5 }), member(3)]
    assert.deepEqual(checkVolumes(swapped), [{ kind: 'reordered', labels: ['slice-1', 'slice-2'] }])
  })

  it('finds a slice of another volume, and the gap that it covers', () => {
    assert.deepEqual(kindsOf([member(0), member(1), member(2, { nonce: 2 }), member(3)]), ['missing', 'foreign'])
  })

  it('does not mind images that are volumes of their own, slices at one position and slices without one', () => {
    const single = (byte: number): VolumeMember => ({
      ...member(0),
      place: { volumeNonce: nonce(byte), index: 0, count: 1 },
    })
    assert.deepEqual(checkVolumes([single(1), single(2)]), [])
    assert.deepEqual(checkVolumes(whole.map((slice) => ({ ...slice, position: 0 }))), [])
    assert.deepEqual(checkVolumes(whole.map((slice) => ({ ...slice, position: null }))), [])
  })

  it('gives a short answer about a volume of billions', () => {
    const [finding] = checkVolumes([{ ...member(0), place: { volumeNonce: nonce(1), index: 0, count: 4_000_000_000 } }])
    assert.ok(finding?.kind === 'missing')
    assert.equal(finding.count, 3_999_999_999)
    assert.equal(finding.indices.length, 1000)
  })
})

describe('slicePlaceOf', () => {
  const placeOf = (...more: readonly (readonly [number, string, ...string[]])[]) => {
    const elements = [
      text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
      text(0x00080018, 'UI', '1.2.3'),
      ...more.map(([tag, vr, ...values]) => text(tag, vr, ...values)),
    ]
    const bytes = joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements }))
    return slicePlaceOf(parseDicom(memorySource(bytes)).dataSet)
  }

  it('measures along the normal of the slice', () => {
    const axial = placeOf([0x00200032, 'DS', '-10', '20', '35.5'], [0x00200037, 'DS', '1', '0', '0', '0', '1', '0'])
    assert.equal(axial.position, 35.5)
    const sagittal = placeOf([0x00200032, 'DS', '-10', '20', '35.5'], [0x00200037, 'DS', '0', '1', '0', '0', '0', '-1'])
    assert.equal(sagittal.position, 10)
  })

  it('takes the number of the instance where there is no position', () => {
    assert.deepEqual(placeOf([0x0020000e, 'UI', '1.9'], [0x00200013, 'IS', '7']), { series: '1.9', position: 7 })
    assert.deepEqual(placeOf(), { series: null, position: null })
  })

  it('puts slices in order, those without a position last', () => {
    const slices = [null, 3, -1].map((position) => ({ series: null, position }))
    assert.deepEqual(
      inSliceOrder(slices).map(({ position }) => position),
      [-1, 3, null],
    )
  })
})
