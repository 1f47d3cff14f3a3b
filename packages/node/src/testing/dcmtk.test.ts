import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { dcmtk, makeTlsSite, runDcmtk, startDcmqrscp, startStorescp, startWlmscpfs, tlsOptions } from './dcmtk.ts'
import { orthanc, startOrthanc } from './orthanc.ts'
import { sharedPath, sharedSkip, temporaryFolder } from './peers.ts'

describe('peers of the network', { skip: dcmtk.skip || orthanc.skip }, () => {
  it('start on free ports, answer an echo, and end with the test', async (t) => {
    const folder = temporaryFolder(t)
    const servers = [
      await startStorescp({ folder: join(folder, 'in') }, t),
      await startDcmqrscp({ folder: join(folder, 'archive') }, t),
      await startWlmscpfs({ folder: join(folder, 'lists') }, t),
    ]
    const aets = ['STORESCP', 'DCMQRSCP', 'WORKLIST']
    for (const [index, { port }] of servers.entries()) {
      const { code, stderr } = await runDcmtk('echoscu', ['-aec', aets[index] ?? '', '127.0.0.1', String(port)])
      assert.equal(code, 0, stderr)
    }
  })

  it('store by TLS only for whom their authority knows', async (t) => {
    const folder = temporaryFolder(t)
    const site = await makeTlsSite(folder)
    const { port } = await startStorescp({ folder: join(folder, 'in'), tls: site.server }, t)
    const echo = async (words: readonly string[]): Promise<number> =>
      (await runDcmtk('echoscu', [...words, '127.0.0.1', String(port)])).code
    assert.equal(await echo(tlsOptions(site.client)), 0)
    assert.notEqual(await echo(tlsOptions(site.stranger)), 0)
    assert.notEqual(await echo(['-to', '5', '-ta', '5']), 0)
  })

  it('keep what they have when Orthanc is stopped and started', { skip: sharedSkip }, async (t) => {
    const server = await startOrthanc({}, t)
    const { code, stderr } = await runDcmtk('storescu', [
      '127.0.0.1',
      String(server.dicomPort),
      sharedPath('data/dicom/pydicom/test_files/CT_small.dcm'),
    ])
    assert.equal(code, 0, stderr)
    const uids = await server.instanceUids()
    assert.equal(uids.length, 1)
    await server.stop('SIGKILL')
    await server.start()
    assert.deepEqual(await server.instanceUids(), uids)
    assert.ok((await server.fileOf(uids[0] ?? ''))?.length)
  })
})
