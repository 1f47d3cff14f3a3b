/** Marks at the gateway: what storescu brings is read with the mark keys of the site, and what contradicts counts. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { setElements } from '@fiducial/core/domain/forge/edit.ts'
import { addNodule, stripAll } from '@fiducial/core/domain/forge/forgeries.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { text, textAt } from '@fiducial/core/formats/dicom/values.ts'
import { dcmtk, runDcmtk } from '../testing/dcmtk.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { GatewayProcess } from '../testing/running-gateway.ts'
import { makeKeys, takeImage } from '../testing/transcript-stage.ts'

describe('a gateway of a site that marks', { skip: dcmtk.skip }, () => {
  const cleanUps: (() => Promise<void> | void)[] = []
  // In their order, once the gateway has ended: a clean-up that is asked for within a hook would run at its end.
  const owner = { after: (cleanUp: () => Promise<void> | void): void => void cleanUps.push(cleanUp) }
  const home = temporaryFolder(owner)
  const images = temporaryFolder(owner)
  let gateway: GatewayProcess
  let sealed: Uint8Array
  let uid = ''

  before(async () => {
    await makeKeys(home)
    const original = join(images, 'chest.dcm')
    writeFileSync(original, takeImage('chest'))
    gateway = await GatewayProcess.make({ home })
    await gateway.command('seal', original, '--out', join(images, 'sealed'), '--mark')
    sealed = new Uint8Array(readFileSync(join(images, 'sealed', 'chest.dcm')))
    uid = textAt(parseDicom(memorySource(sealed)).dataSet, 0x00080018) ?? ''
    await gateway.start()
  })
  after(async () => {
    const code = await gateway.end()
    for (const cleanUp of cleanUps) await cleanUp()
    assert.equal(code, 0)
  })

  /** Sends an image, and waits for what the gateway says of it. */
  async function send(name: string, bytes: Uint8Array, sopInstanceUid: string) {
    const path = join(images, name)
    writeFileSync(path, bytes)
    const sent = await runDcmtk('storescu', ['-aec', 'FIDUCIAL', '127.0.0.1', String(gateway.dicomPort), path])
    assert.equal(sent.code, 0, sent.stderr)
    const found = await gateway.until(`${name} was judged`, async () => {
      const [instance] = await gateway.list(`instance=${sopInstanceUid}&limit=1`)
      return instance?.verdict == null ? undefined : instance
    })
    return found.verdict ?? assert.fail('it has no verdict')
  }

  it('says that it looks at marks', async () => {
    assert.deepEqual((await gateway.status()).notLookedAt, ['watchdog'])
  })

  it('finds nothing wrong with what its device marked and sealed', async () => {
    const { failing } = await send('as-sealed.dcm', sealed, uid)
    assert.deepEqual(failing, [])
  })

  it('knows the picture again under another name, without seal and signatures', async () => {
    const replay = setElements(
      stripAll(sealed),
      text(0x00080018, 'UI', '2.25.77001'),
      text(0x00100020, 'LO', 'DEMO-9999'),
    )
    const { verdict, content, failing } = await send('replay.dcm', replay, '2.25.77001')
    assert.equal(verdict, 'not_authentic')
    assert.equal(content, 'contradicted')
    assert.deepEqual(failing, [{ subject: 'mark', reason: 'mark_of_other' }])
  })

  it('sees that the picture was changed where no signature is left', async () => {
    const altered = setElements(stripAll(addNodule(sealed)), text(0x00080018, 'UI', '2.25.77002'))
    const { failing } = await send('altered.dcm', altered, '2.25.77002')
    assert.deepEqual(
      failing.map(({ reason }) => reason),
      ['mark_of_other', 'mark_altered'],
    )
  })
})
