/**
 * The gateway as a whole, with a route that sends research a copy without names in another transfer syntax: what two receivers
 * of DCMTK get, and what the custody log says of it.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { describePixels } from '@fiducial/core/domain/seal/pixels.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { loadDecoder } from '../services/pixel-decoding.ts'
import { loadWasm } from '../storage/wasm.ts'
import { dcmtk, runDcmtk, type Storescp, startStorescp } from '../testing/dcmtk.ts'
import { sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { GatewayProcess } from '../testing/running-gateway.ts'

const JPEG_LS = '1.2.840.10008.1.2.4.80'
const POLL_MS = 50
const PATIENCE = 600
const codecs = createCodecs(loadWasm)

const read = (path: string): DicomFile => parseDicom(memorySource(new Uint8Array(readFileSync(path))))
const framesOf = async (file: DicomFile) =>
  describePixels(file, nativeCrypto.hash, await loadDecoder(file, codecs))?.frames

describe('fiducial up, with copies for research', { skip: sharedSkip || dcmtk.skip }, () => {
  const cleanUps: (() => Promise<void> | void)[] = []
  // Not before the gateway has ended.
  const home = temporaryFolder({ after: (cleanUp) => void cleanUps.push(cleanUp) })
  let pacs: Storescp
  let research: Storescp
  let gateway: GatewayProcess

  before(async () => {
    const owner = { after: (cleanUp: () => Promise<void> | void) => void cleanUps.push(cleanUp) }
    pacs = await startStorescp({ folder: join(home, 'pacs'), aet: 'PACS' }, owner)
    research = await startStorescp({ folder: join(home, 'research'), aet: 'RESEARCH' }, owner)
    writeFileSync(
      join(home, 'routes.yaml'),
      `destinations:
  pacs: PACS@127.0.0.1:${pacs.port}
  research: RESEARCH@127.0.0.1:${research.port}
routes:
  - name: all
    to:
      - pacs
      - { destination: research, deidentify: basic, transcode: jpeg_ls, when: { attribute: Modality, oneOf: [CT, OT] } }
`,
    )
    writeFileSync(join(home, 'gateway.yaml'), `routes: ${join(home, 'routes.yaml')}\n`)
    gateway = await GatewayProcess.make({ home })
    await gateway.start()
  })
  after(async () => {
    const code = await gateway.end()
    for (const cleanUp of cleanUps) await cleanUp()
    assert.equal(code, 0, gateway.output)
  })

  async function send(name: string): Promise<string> {
    const path = sharedPath(`data/dicom/pydicom/test_files/${name}`)
    const words = ['-aec', 'FIDUCIAL', '-aet', 'CT_1', '127.0.0.1', String(gateway.dicomPort)]
    assert.equal((await runDcmtk('storescu', [...words, path])).code, 0)
    return path
  }

  async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    for (let i = 0; i < PATIENCE; i++) {
      if (await isSo()) return
      await pause(POLL_MS)
    }
    throw new Error('it never came to that')
  }

  it('gives the archive what came, and research a copy without names', async () => {
    const source = read(await send('CT_small.dcm'))
    await until(() => pacs.files().length === 1 && research.files().length === 1)
    const [archived, copied] = [pacs, research].map((peer) => read(peer.files()[0] ?? ''))
    assert.ok(archived !== undefined && copied !== undefined)
    assert.equal(textAt(archived.dataSet, 0x00100020), textAt(source.dataSet, 0x00100020))
    assert.match(textAt(copied.dataSet, 0x00100020) ?? '', /^ANON[0-9A-F]{12}$/)
    assert.equal(textAt(copied.dataSet, 0x00120062), 'YES')
    assert.notEqual(textAt(copied.dataSet, 0x00080018), textAt(source.dataSet, 0x00080018))
    assert.equal(copied.transferSyntaxUid, JPEG_LS)
    assert.deepEqual(await framesOf(copied), await framesOf(source))
  })

  it('records where the copy comes from', async () => {
    const copy = read(research.files()[0] ?? '')
    const uid = textAt(copy.dataSet, 0x00080018) ?? '-'
    const derived = () => gateway.command('log', 'show', '--type', 'derived')
    await until(async () => (await derived()).length === 1)
    assert.ok(JSON.stringify(await derived()).includes(uid))
  })

  it('lets the archive have what it gives nobody else, since the pixels may show a person', async () => {
    const source = read(await send('SC_rgb_small_odd.dcm'))
    await until(() => pacs.files().length === 2)
    const uid = textAt(source.dataSet, 0x00080018)
    const { instances } = (await gateway.ask(`instances?instance=${uid}&limit=1`)) as {
      instances: { reasons: string[]; deliveries: { destination: string }[] }[]
    }
    assert.ok(instances[0]?.reasons.includes('deidentify_failed'))
    assert.deepEqual(
      instances[0]?.deliveries.map(({ destination }) => destination),
      ['pacs'],
    )
    assert.equal(research.files().length, 1)
  })
})
