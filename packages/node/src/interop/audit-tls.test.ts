/** The auditor over a PACS that is called by TLS, and lets only those in whom it knows. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { dcmtk, makeTlsSite } from '../testing/dcmtk.ts'
import { orthanc, startOrthanc } from '../testing/orthanc.ts'
import { AuditSite } from './audit-site.ts'
import { smallImage } from './small-images.ts'

describe('an audit by TLS', { skip: dcmtk.skip || orthanc.skip }, () => {
  it('reads from a PACS that both sides trust, and from no other', async (t) => {
    const site = new AuditSite()
    const tls = await makeTlsSite(site.folder)
    const pacs = await startOrthanc({ tls: tls.server }, t)
    for (const number of [1, 2, 3]) await pacs.post('instances', smallImage(number))
    const target = `dicoms://${pacs.aet}@${pacs.host}:${pacs.dicomPort}`
    const words = ({ trustedPath, certificatePath, keyPath }: typeof tls.client): readonly string[] => [
      '--tls-ca',
      trustedPath,
      '--tls-cert',
      certificatePath,
      '--tls-key',
      keyPath,
    ]
    const { report } = await site.audit(target, ...words(tls.client))
    assert.deepEqual([report.sweep.read, report.sweep.failed], [3, 0])
    await assert.rejects(site.audit(target, ...words(tls.stranger)), /exit code 69/)
    const other = { ...tls.client, trustedPath: join(site.folder, 'Strange-Authority', 'certificate.pem') }
    await assert.rejects(site.audit(target, ...words(other)), /exit code 69/)
    await assert.rejects(site.audit(target), /exit code 64/)
  })
})
