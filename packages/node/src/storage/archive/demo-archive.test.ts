import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { parseSearch } from '@fiducial/core/domain/query/query.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { ob, text } from '@fiducial/core/formats/dicom/values.ts'
import { textAt, textsAt } from '@fiducial/core/formats/dicom-json/model.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { DemoArchive } from './demo-archive.ts'

const ANNOUNCEMENT = {
  origin: { protocol: 'dimse', callingAet: 'CT', calledAet: 'DEMO', address: null, peer: null },
  sopClassUid: null,
  sopInstanceUid: null,
  transferSyntaxUid: null,
} as const

function image(instance: string, { study = '1.1', series = '1.2', modality = 'CT', patient = 'P1', pixels = 10 } = {}) {
  const elements = [
    text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7'),
    text(0x00080018, 'UI', instance),
    text(0x00080060, 'CS', modality),
    text(0x00100020, 'LO', patient),
    text(0x0020000d, 'UI', study),
    text(0x0020000e, 'UI', series),
    ob(0x7fe00010, new Uint8Array(pixels)),
  ]
  return joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements }))
}

function open(t: TestContext, folder = temporaryFolder(t)) {
  const archive = new DemoArchive(folder)
  const put = async (bytes: Uint8Array) => {
    const incoming = archive.begin(ANNOUNCEMENT)
    incoming.write(bytes)
    return incoming.commit()
  }
  const find = async (level: 'study' | 'series' | 'instance', query = '') =>
    Array.fromAsync(archive.search(parseSearch(level, new URLSearchParams(query))))
  return { archive, folder, put, find }
}

describe('demo archive', () => {
  it('finds studies, series and instances, with what they have in common', async (t) => {
    const { put, find } = open(t)
    await put(image('1.3.1'))
    await put(image('1.3.2'))
    await put(image('1.3.3', { series: '1.4', modality: 'SR' }))
    await put(image('1.3.4', { study: '2.1', series: '2.2', patient: 'P2' }))
    const [newest, oldest, ...others] = await find('study')
    assert.equal(others.length, 0)
    assert.equal(textAt(newest, 0x0020000d), '2.1')
    assert.deepEqual([...textsAt(oldest, 0x00080061)].sort(), ['CT', 'SR'])
    assert.deepEqual([textAt(oldest, 0x00201206), textAt(oldest, 0x00201208)], ['2', '3'])
    assert.equal((await find('study', 'PatientID=P2')).length, 1)
    assert.equal((await find('study', 'ModalitiesInStudy=SR')).length, 1)
    assert.equal((await find('series', 'StudyInstanceUID=1.1')).length, 2)
    assert.equal((await find('instance', 'StudyInstanceUID=1.1,2.1')).length, 4)
    assert.equal((await find('instance', 'StudyInstanceUID=*')).length, 4)
    assert.equal((await find('instance', 'limit=2&offset=3')).length, 1)
    assert.equal((await find('instance', "StudyInstanceUID=1' OR '1")).length, 0)
    const [all] = await find('instance', 'includefield=all&SOPInstanceUID=1.3.1')
    assert.equal(textAt(all, 0x00080060), 'CT')
  })

  it('keeps the first of two instances with one UID', async (t) => {
    const { archive, put } = open(t)
    const first = image('1.3.1', { pixels: 10 })
    await put(first)
    await put(image('1.3.1', { pixels: 2000 }))
    const [instance] = await archive.instances({ study: '1.1' })
    assert.equal(instance?.lengthBytes, first.length)
    assert.equal(archive.counts().instances, 1)
  })

  it('leaves nothing of what is aborted, cannot be read, or was cut off', async (t) => {
    const { archive, folder, put } = open(t)
    const incoming = archive.begin(ANNOUNCEMENT)
    incoming.write(image('1.3.1'))
    await incoming.abort()
    await assert.rejects(put(new Uint8Array(500)), { code: 'spool_unwritable' })
    await assert.rejects(put(image('1.3.2', { study: '' })), { code: 'spool_unwritable' })
    assert.deepEqual(readdirSync(join(folder, 'incoming')), [])
    assert.deepEqual(readdirSync(join(folder, 'files')), [])
    archive.close()
    writeFileSync(join(folder, 'incoming', 'half.dcm'), 'x')
    open(t, folder).archive.close()
    assert.deepEqual(readdirSync(join(folder, 'incoming')), [])
  })

  it('says what is not there', async (t) => {
    const { archive } = open(t)
    assert.deepEqual(await archive.instances({ study: '9' }), [])
    const missing = { study: '9', series: '9', instance: '9', sopClassUid: '9', transferSyntaxUid: '9', lengthBytes: 1 }
    await assert.rejects(archive.open(missing), { code: 'instance_missing' })
  })

  it('refuses a folder that cannot be used', (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'file'), '')
    assert.throws(() => new DemoArchive(join(folder, 'file', 'below')), { code: 'output_unwritable' })
  })
})
