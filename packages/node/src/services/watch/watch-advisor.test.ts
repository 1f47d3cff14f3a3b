import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import type { GreyView } from '@fiducial/core/domain/pixels/grey-view.ts'
import type { Stratum, WatchModel } from '@fiducial/core/domain/watch/model/watch-model.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { createEncoders } from '@fiducial/core/formats/codec/encode.ts'
import { encodeFile, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, us } from '@fiducial/core/formats/dicom/values.ts'
import { greyElements, modelOfOne, pictureOf, pressed } from '../../testing/watch-pictures.ts'
import { createWatchAdvisor } from './watch-advisor.ts'

const view = pictureOf(1)
const side = [view.width, view.width] as const
const model = modelOfOne(view, {
  kind: 'other',
  selector: { stationName: 'ROOM1' },
  limits: { rows: side, columns: side, bits: [8] },
})
const noWasm = () => Promise.reject(new TypeError('no WASM here'))
const means = { codecs: createCodecs(noWasm), encoders: createEncoders(noWasm) }

const station = text(0x00081010, 'SH', 'ROOM1')

function fileOf(unsorted: readonly NewElement[]): DicomFile {
  const elements = unsorted.toSorted((a, b) => a.tag - b.tag)
  return parseDicom(memorySource(joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements }))))
}

const imageOf = (picture: GreyView): DicomFile => fileOf([...greyElements(picture), station])
const flagsOf = (file: DicomFile, by: WatchModel = model) => createWatchAdvisor(by, means).look(file)

describe('createWatchAdvisor', () => {
  it('goes by the name that routes know', () => assert.equal(createWatchAdvisor(model, means).name, 'watchdog'))

  it('flags nothing where an image is usual', async () => assert.deepEqual(await flagsOf(imageOf(view)), []))

  it('flags an image that is unusual', async () =>
    assert.deepEqual(await flagsOf(imageOf(pressed(view))), ['watchdog_unusual']))

  it('flags as not judged what the model is not calibrated for', async () => {
    const elsewhere = fileOf([...greyElements(view), text(0x00081010, 'SH', 'ROOM2')])
    assert.deepEqual(await flagsOf(elsewhere), ['watchdog_abstained'])
    assert.deepEqual(await flagsOf(imageOf(pictureOf(1, 200))), ['watchdog_abstained'])
    const strata: readonly Stratum[] = []
    assert.deepEqual(await flagsOf(imageOf(view), { ...model, strata }), ['watchdog_abstained'])
  })

  it('flags as not judged what shows nothing', async () => {
    const black = { ...view, samples: new Float32Array(view.samples.length) }
    assert.deepEqual(await flagsOf(imageOf(black)), ['watchdog_abstained'])
  })

  it('flags as not judged what has no pixels, or none that can be read here', async () => {
    const report = fileOf([text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.88.11'), text(0x00080018, 'UI', '1.2.3')])
    assert.deepEqual(await flagsOf(report), ['watchdog_abstained'])
    const [pixels, ...others] = greyElements(view).toReversed()
    assert.equal(pixels?.tag, 0x7fe00010)
    const short = { tag: 0x7fe00010, vr: 'OB', value: new Uint8Array(10) }
    assert.deepEqual(await flagsOf(fileOf([...others, station, short])), ['watchdog_abstained'])
    const wide = greyElements(view).map((element) => (element.tag === 0x00280100 ? us(0x00280100, 32) : element))
    assert.deepEqual(await flagsOf(fileOf([...wide, station])), ['watchdog_abstained'])
  })

  it('hides no mistake of its own: what is no trouble of the file is thrown', async () => {
    const broken: WatchModel = { ...model, oneClass: { ...model.oneClass, tables: [] } }
    await assert.rejects(async () => flagsOf(imageOf(view), broken), TypeError)
  })
})
