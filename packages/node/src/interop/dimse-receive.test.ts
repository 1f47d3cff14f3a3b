/**
 * C-STORE from senders that are not ours: what arrives is what they sent, and what another receiver got from them.
 *
 * DCMTK's senders encode data sets anew, so the second opinion on their bytes is storescp, which writes them as they come.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { parseDicom, parseFileHead } from '@fiducial/core/formats/dicom/parse.ts'
import { readText } from '@fiducial/core/formats/dicom/values.ts'
import { isStorageClass } from '../dimse/negotiate.ts'
import { dcmtk, runDcmtk, startStorescp } from '../testing/dcmtk.ts'
import { orthanc, startOrthanc } from '../testing/orthanc.ts'
import { dataSetSha256, outgoingFiles } from '../testing/outgoing-files.ts'
import { sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { startAcceptorSite } from './acceptor-site.ts'

/** Options of storescu that make it propose a transfer syntax, and send its files as they are. */
const PROPOSALS: Readonly<Record<string, string>> = {
  '1.2.840.10008.1.2': '-xi',
  '1.2.840.10008.1.2.1': '-xe',
  '1.2.840.10008.1.2.2': '-xb',
  '1.2.840.10008.1.2.1.99': '-xd',
  '1.2.840.10008.1.2.4.50': '-xy',
  '1.2.840.10008.1.2.4.51': '-xx',
  '1.2.840.10008.1.2.4.70': '-xs',
  '1.2.840.10008.1.2.4.80': '-xt',
  '1.2.840.10008.1.2.4.81': '-xu',
  '1.2.840.10008.1.2.4.90': '-xv',
  '1.2.840.10008.1.2.4.91': '-xw',
  '1.2.840.10008.1.2.5': '-xr',
}

/** What DCMTK's receiver does not take, and we do: retired JPEG processes, and palettes, which have no patient. */
const NOT_THEIRS = new Set([
  '1.2.840.10008.1.2.4.53',
  '1.2.840.10008.1.2.4.55',
  '1.2.840.10008.1.2.4.57',
  '1.2.840.10008.5.1.4.39.1',
])

const sopClassOf = (file: Uint8Array): string => {
  const element = parseDicom(memorySource(file)).meta.find(({ tag }) => tag === 0x00020002)
  return element === undefined ? '' : readText(memorySource(file), element)
}
const syntaxOf = (file: Uint8Array): string => parseFileHead(memorySource(file)).transferSyntaxUid ?? ''
const nameOf = (file: Uint8Array): string => `${syntaxOf(file)} ${dataSetSha256(file)}`
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(path))

describe('C-STORE from DCMTK', { ...dcmtk, skip: dcmtk.skip || sharedSkip }, () => {
  it('is answered to echoscu', async (t) => {
    const { acceptor, event } = await startAcceptorSite(t)
    const { code, stderr } = await runDcmtk('echoscu', ['127.0.0.1', `${acceptor.port}`])
    assert.equal(code, 0, stderr)
    assert.equal((await event('association_ended')).end, 'released')
  })

  it('brings each shared file that storescu can send, in its own transfer syntax, with the bytes that it sent', async (t) => {
    const { acceptor, intake, eventsOf } = await startAcceptorSite(t)
    const other = await startStorescp({ folder: join(temporaryFolder(t), 'stored'), args: ['+B', '+uf', '-pm'] }, t)
    const byOption = new Map<string, string[]>()
    for (const { path, transferSyntaxUid } of outgoingFiles('data/dicom').files) {
      const option = PROPOSALS[transferSyntaxUid]
      if (option !== undefined) byOption.set(option, [...(byOption.get(option) ?? []), path])
    }
    for (const [option, paths] of byOption) {
      for (const port of [acceptor.port, other.port]) {
        await runDcmtk('storescu', [option, '-R', '-nh', '127.0.0.1', `${port}`, ...paths], { timeoutMs: 120_000 })
      }
    }
    const files = intake.taken.map(({ bytes }) => bytes)
    const ours = files.filter((file) => !NOT_THEIRS.has(sopClassOf(file))).map(nameOf)
    const theirs = other.files().map((path) => nameOf(read(path)))
    assert.deepEqual(ours.sort(), theirs.sort())
    assert.ok(ours.length > 150, String(ours.length))
    const syntaxes = new Set(files.map(syntaxOf))
    for (const syntax of Object.keys(PROPOSALS)) assert.ok(syntaxes.has(syntax), syntax)
    assert.deepEqual(eventsOf('object_failed'), [])
    t.diagnostic(`${files.length} objects in ${syntaxes.size} transfer syntaxes`)
  })

  it('brings each shared file that dcmsend can send, with the bytes that it sent', async (t) => {
    const { acceptor, intake, eventsOf } = await startAcceptorSite(t)
    const other = await startStorescp({ folder: join(temporaryFolder(t), 'stored'), args: ['+B', '+uf', '-pm'] }, t)
    for (const port of [acceptor.port, other.port]) {
      const args = ['-dn', '-nh', '-nuc', '+sd', '+r', '127.0.0.1', `${port}`, sharedPath('data/dicom')]
      await runDcmtk('dcmsend', args, { timeoutMs: 120_000 })
    }
    const files = intake.taken.map(({ bytes }) => bytes)
    const isTheirs = (file: Uint8Array) => !NOT_THEIRS.has(syntaxOf(file)) && !NOT_THEIRS.has(sopClassOf(file))
    const ours = files.filter(isTheirs).map(nameOf)
    const theirs = other.files().map(read)
    // It takes what names no SOP Class at all; here that is refused.
    const taken = theirs.filter((file) => isStorageClass(sopClassOf(file)))
    assert.deepEqual(ours.sort(), taken.map(nameOf).sort())
    assert.ok(ours.length > 150, String(ours.length))
    const failed = eventsOf('object_failed').map(({ code }) => code)
    assert.deepEqual(failed, Array(theirs.length - taken.length).fill('sop_class_refused'))
    t.diagnostic(`${files.length} objects, ${failed.length} refused`)
  })

  it('comes from several senders at once', async (t) => {
    const { acceptor, intake } = await startAcceptorSite(t)
    const folder = sharedPath('data/dicom/pydicom/test_files/dicomdirtests')
    const senders = Array.from({ length: 6 }, (_, i) =>
      runDcmtk('storescu', ['-aet', `CT_${i}`, '-R', '-nh', '+sd', '+r', '127.0.0.1', `${acceptor.port}`, folder]),
    )
    await Promise.all(senders)
    const perSender = new Map<string | null, string[]>()
    for (const { announcement, bytes } of intake.taken) {
      const { callingAet } = announcement.origin
      perSender.set(callingAet, [...(perSender.get(callingAet) ?? []), dataSetSha256(bytes)])
    }
    const [first, ...rest] = [...perSender.values()].map((names) => names.sort())
    assert.equal(rest.length, 5)
    for (const names of rest) assert.deepEqual(names, first)
  })

  it('is rejected for a title that is not ours, and for a caller that nobody knows', async (t) => {
    const callers = [{ aet: 'CT_1', addresses: ['127.0.0.0/8'], certificates: [] }]
    const { acceptor, event } = await startAcceptorSite(t, { settings: { calledTitles: ['GATEWAY'], callers } })
    const echo = (calling: string, called: string) =>
      runDcmtk('echoscu', ['-aet', calling, '-aec', called, '127.0.0.1', `${acceptor.port}`])
    const wrong = await echo('CT_1', 'PACS')
    assert.notEqual(wrong.code, 0)
    assert.match(wrong.stderr, /Called AE Title Not Recognized/i)
    const unknown = await echo('CT_2', 'GATEWAY')
    assert.notEqual(unknown.code, 0)
    assert.match(unknown.stderr, /Calling AE Title Not Recognized/i)
    assert.equal((await echo('CT_1', 'GATEWAY')).code, 0)
    assert.equal((await event('association_rejected', 1)).reason, 'called_title')
    assert.equal((await event('association_rejected', 2)).reason, 'calling_title')
  })
})

describe('C-STORE from Orthanc', { ...orthanc, skip: orthanc.skip || sharedSkip }, () => {
  it('brings the files that Orthanc has, and its echo is answered', async (t) => {
    const { acceptor, intake, event } = await startAcceptorSite(t)
    const sender = await startOrthanc({}, t)
    await sender.know('gateway', { aet: 'GATEWAY', port: acceptor.port })
    await sender.post('modalities/gateway/echo', {})
    const sent = new Set<string | null>()
    for (const { path, sopInstanceUid } of outgoingFiles('data/dicom/pydicom/test_files/dicomdirtests').files) {
      await sender.post('instances', read(path))
      sent.add(sopInstanceUid)
    }
    const instances = await sender.get('instances')
    await sender.post('modalities/gateway/store', instances)
    assert.deepEqual(new Set(intake.taken.map(({ announcement }) => announcement.sopInstanceUid)), sent)
    for (const { announcement, bytes } of intake.taken) {
      const file = await sender.fileOf(announcement.sopInstanceUid ?? '')
      assert.ok(file !== undefined)
      assert.equal(syntaxOf(bytes), syntaxOf(file))
    }
    assert.equal((await event('association_accepted')).association.callingAet, sender.aet)
    t.diagnostic(`${sent.size} objects`)
  })
})
