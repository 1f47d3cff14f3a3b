/** C-STORE of every shared file to receivers that are not ours. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { parseFileHead } from '@fiducial/core/formats/dicom/parse.ts'
import { isDeflatedSyntax } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { DimseSender } from '../dimse/dimse-sender.ts'
import type { ClientTls, RemoteNode } from '../dimse/remote-node.ts'
import type { SendResult } from '../services/gateway/ports.ts'
import { dcmtk, makeTlsSite, startStorescp, type TlsIdentity } from '../testing/dcmtk.ts'
import { orthanc, startOrthanc } from '../testing/orthanc.ts'
import { dataSetSha256, type OutgoingFile, outgoingFiles } from '../testing/outgoing-files.ts'
import { sharedSkip, temporaryFolder } from '../testing/peers.ts'

/** Orthanc answers nothing to what it cannot read, and keeps the association open. */
const IDLE_MS = 6000

const node = (port: number): RemoteNode => ({
  host: '127.0.0.1',
  port,
  calledAet: 'ANY-SCP',
  callingAet: 'FIDUCIAL',
  timeouts: { idleMs: IDLE_MS },
})

async function send(to: RemoteNode, files: readonly OutgoingFile[], parallel = 4): Promise<Map<string, SendResult>> {
  const sender = new DimseSender(to, { parallel })
  const results = new Map<string, SendResult>()
  for await (const result of sender.send(files, AbortSignal.timeout(120_000))) {
    assert.ok(!results.has(result.deliveryId))
    results.set(result.deliveryId, result)
  }
  await sender.close()
  assert.equal(results.size, files.length)
  return results
}

const countOf = (values: Iterable<string>): Record<string, number> =>
  Object.fromEntries([...Map.groupBy(values, (value) => value)].map(([value, all]) => [value, all.length]).sort())

const wordOf = (result: SendResult | undefined): string => {
  if (result?.outcome === 'stored') return result.note ?? 'stored'
  return result?.code ?? 'missing'
}

/** A deflated data set of odd length has got the NUL that the standard asks for. */
function sentSha256({ path, transferSyntaxUid }: OutgoingFile): string {
  const bytes = new Uint8Array(readFileSync(path))
  const { dataSetStart } = parseFileHead(memorySource(bytes))
  const isPadded = isDeflatedSyntax(transferSyntaxUid) && (bytes.length - dataSetStart) % 2 === 1
  const hash = createHash('sha256').update(bytes.subarray(dataSetStart))
  return (isPadded ? hash.update(Uint8Array.of(0)) : hash).digest('hex')
}

const storedOf = (files: readonly OutgoingFile[], results: ReadonlyMap<string, SendResult>): OutgoingFile[] =>
  files.filter(({ deliveryId }) => results.get(deliveryId)?.outcome === 'stored')

const codesOf = (files: readonly OutgoingFile[], results: ReadonlyMap<string, SendResult>): Record<string, number> =>
  countOf(files.map(({ deliveryId }) => wordOf(results.get(deliveryId))))

/** Of files that are kept: as often as each data set occurs. */
const dataSetsOf = (paths: readonly string[]): Record<string, number> =>
  countOf(paths.map((path) => dataSetSha256(new Uint8Array(readFileSync(path)))))

const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((a, b) => a + b, 0)

/** How many of one are not in the other; a difference of thousands of digests helps nobody. */
function missing(of: Record<string, number>, from: Record<string, number>): number {
  return sum(Object.fromEntries(Object.entries(of).map(([key, count]) => [key, Math.max(0, count - (from[key] ?? 0))])))
}

describe('C-STORE', { skip: sharedSkip || dcmtk.skip || orthanc.skip }, () => {
  it('leaves every data set as it is on the way to storescp', async (t) => {
    const { files, others } = outgoingFiles('data/dicom')
    // A process for each association, as storescp serves one after the other.
    const peer = await startStorescp({ folder: join(temporaryFolder(t), 'in'), args: ['+B', '+uf', '--fork'] }, t)
    const results = await send(node(peer.port), files)
    const stored = storedOf(files, results)
    const [sent, kept] = [countOf(stored.map(sentSha256)), dataSetsOf(peer.files())]
    t.diagnostic(`storescp: ${JSON.stringify(codesOf(files, results))}, ${others.length} are nothing to send`)
    assert.equal(missing(sent, kept), 0)
    assert.equal(missing(kept, sent), 0)
    assert.ok(stored.length >= 200)
    const refusals = new Set(Object.keys(codesOf(files, results)))
    for (const code of ['stored', 'sop_class_not_taken', 'transfer_syntax_not_taken', 'dicom_truncated'])
      refusals.delete(code)
    assert.deepEqual([...refusals], [])
  })

  it('hands Orthanc every file that it takes, and tells of each other one why', async (t) => {
    const { files } = outgoingFiles('data/dicom')
    const server = await startOrthanc({ settings: { UnknownSopClassAccepted: true } }, t)
    const results = await send(node(server.dicomPort), files)
    const stored = storedOf(files, results)
    t.diagnostic(`Orthanc: ${JSON.stringify(codesOf(files, results))}`)
    assert.deepEqual(new Set(await server.instanceUids()), new Set(stored.map(({ sopInstanceUid }) => sopInstanceUid)))
    assert.ok(stored.length >= 190)
  })

  it('goes by TLS to whom both sides trust, and to nobody else', async (t) => {
    const folder = temporaryFolder(t)
    const site = await makeTlsSite(folder)
    const [tls, stranger] = [clientTls(site.client), clientTls(site.stranger)]
    const ct = outgoingFiles('data/dicom/pydicom/test_files').files.filter(({ name }) => name === 'CT_small.dcm')
    const storescp = await startStorescp({ folder: join(folder, 'in'), args: ['+B'], tls: site.server }, t)
    const server = await startOrthanc({ tls: { ...site.server } }, t)
    for (const port of [storescp.port, server.dicomPort]) {
      assert.deepEqual(codesOf(ct, await send({ ...node(port), tls }, ct)), { stored: 1 })
      const refused = await send({ ...node(port), tls: stranger }, ct)
      assert.match(Object.keys(codesOf(ct, refused)).join(), /^(service_unreachable|association_aborted)$/)
      const plain = await send({ ...node(port), timeouts: { associateMs: 2000 } }, ct)
      assert.match(Object.keys(codesOf(ct, plain)).join(), /^(peer_timeout|association_aborted)$/)
    }
    // A peer whom our authority does not know.
    const other = { ...tls, trusted: readFileSync(join(folder, 'Strange-Authority', 'certificate.pem'), 'utf8') }
    assert.deepEqual(codesOf(ct, await send({ ...node(storescp.port), tls: other }, ct)), { service_unreachable: 1 })
    assert.deepEqual(dataSetsOf(storescp.files()), countOf(ct.map((file) => file.dataSetSha256)))
  })
})

function clientTls({ certificatePath, keyPath, trustedPath }: TlsIdentity): ClientTls {
  const [certificate, key, trusted] = [certificatePath, keyPath, trustedPath].map((path) => readFileSync(path, 'utf8'))
  return { certificate: certificate ?? '', key: key ?? '', trusted: trusted ?? '' }
}
