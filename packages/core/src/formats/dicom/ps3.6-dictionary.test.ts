/** Entries of PS3.6 and of private makers, looked up by hand. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { implicitVr, lookUp, nameOf, tagOf } from './dictionary.ts'

const nobody = (): undefined => undefined

describe('the dictionary', () => {
  it('gives VR, keyword and name of public elements', () => {
    assert.deepEqual(lookUp(0x00100010), { vr: 'PN', keyword: 'PatientName', name: "Patient's Name" })
    assert.deepEqual(lookUp(0x7fe00010), { vr: 'OW', keyword: 'PixelData', name: 'Pixel Data' })
    assert.equal(lookUp(0x00060001)?.vr, 'SQ')
    assert.equal(lookUp(0x00080003), undefined)
    assert.equal(lookUp(0x00091001), undefined)
  })

  it('gives tags by keyword', () => {
    assert.equal(tagOf('PatientID'), 0x00100020)
    assert.equal(tagOf('PixelData'), 0x7fe00010)
    assert.equal(tagOf('TransferSyntaxUID'), 0x00020010)
    assert.equal(tagOf('NoSuchThing'), undefined)
    assert.equal(tagOf('-'), undefined)
    assert.equal(tagOf('constructor'), undefined)
  })

  it('knows repeating groups and elements', () => {
    for (const group of [0x6000, 0x6002, 0x601e, 0x60fe]) {
      assert.equal(lookUp(group * 0x10000 + 0x3000)?.keyword, 'OverlayData')
      assert.equal(nameOf(group * 0x10000 + 0x0010), 'Overlay Rows')
    }
    assert.equal(lookUp(0x50103000)?.keyword, 'CurveData')
    assert.equal(lookUp(0x00203155)?.vr, 'CS')
    assert.equal(lookUp(0x60013000), undefined)
    assert.equal(lookUp(0x60003001), undefined)
    // Pixel Data is no Variable Pixel Data.
    assert.equal(lookUp(0x7fe00010)?.keyword, 'PixelData')
    assert.equal(lookUp(0x7f000010)?.keyword, 'VariablePixelData')
  })

  it('names what has no entry by its kind', () => {
    assert.equal(nameOf(0x00080000), 'Group Length')
    assert.equal(nameOf(0x00090000), 'Group Length')
    assert.equal(nameOf(0x00090010), 'Private')
    assert.equal(nameOf(0x00080003), 'Unknown')
    assert.equal(nameOf(0x00100020), 'Patient ID')
  })

  it('gives the VR that an implicit file leaves out', () => {
    assert.equal(implicitVr(0x00100010, nobody), 'PN')
    assert.equal(implicitVr(0x00280106, nobody), 'xs')
    assert.equal(implicitVr(0x00080003, nobody), 'UN')
    assert.equal(implicitVr(0x00080000, nobody), 'UL')
    assert.equal(implicitVr(0x00090000, nobody), 'UL')
    assert.equal(implicitVr(0x00090010, nobody), 'LO')
    assert.equal(implicitVr(0x000900ff, nobody), 'LO')
    assert.equal(implicitVr(0x00090001, nobody), 'UN')
    assert.equal(implicitVr(0x00091001, nobody), 'UN')
  })

  it('asks for the creator of the block that a private element stands in', () => {
    const asked: number[] = []
    const vr = implicitVr(0xffe1a5b0, (block) => {
      asked.push(block)
      return 'ELSCINT1'
    })
    assert.deepEqual(asked, [0xffe100a5])
    assert.equal(vr, 'UN')
    assert.equal(
      implicitVr(0x00191008, (block) => (block === 0x00190010 ? 'SIEMENS CT VA0  COAD' : undefined)),
      'UN',
    )
    assert.equal(
      implicitVr(0x00191002, (block) => (block === 0x00190010 ? 'GEMS_ACQU_01' : undefined)),
      'SL',
    )
  })
})
