/** DIMSE by TLS from DCMTK, which speaks the profiles of BCP 195: with certificates, without, and with wrong ones. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect as connectPlain } from 'node:net'
import { before, describe, it } from 'node:test'
import type { ConnectionOptions } from 'node:tls'
import { formatPdu } from '@fiducial/core/formats/dul/pdu.ts'
import type { AcceptorTls } from '../dimse/acceptor-settings.ts'
import { dcmtk, makeTlsSite, runDcmtk, type TlsIdentity, type TlsSite, tlsOptions } from '../testing/dcmtk.ts'
import { orthanc, startOrthanc } from '../testing/orthanc.ts'
import { sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { echoCommand, message, RawPeer, request, storeCommand } from '../testing/raw-peer.ts'
import { startAcceptorSite } from './acceptor-site.ts'

const pem = (path: string): string => readFileSync(path, 'utf8')
const SMALL = 'data/dicom/pydicom/test_files/MR_small.dcm'

describe('DIMSE by TLS', dcmtk, () => {
  const folder = temporaryFolder()
  let site: TlsSite
  before(async () => {
    site = await makeTlsSite(folder)
  })

  const tls = (clientCertificate: AcceptorTls['clientCertificate']): { tls: AcceptorTls } => ({
    tls: {
      key: pem(site.server.keyPath),
      certificate: pem(site.server.certificatePath),
      authorities: [pem(site.trustedPath)],
      clientCertificate,
    },
  })
  const own = ({ keyPath, certificatePath, trustedPath }: TlsIdentity): ConnectionOptions => ({
    key: pem(keyPath),
    cert: pem(certificatePath),
    ca: pem(trustedPath),
  })
  const echo = (port: number, options: readonly string[]) =>
    runDcmtk('echoscu', [...options, '-aet', 'CT_1', 'localhost', `${port}`])
  const anonymous = () => ['+tla', '+cf', site.trustedPath]

  for (const profile of ['+py', '+px', '+pz']) {
    it(`takes an object from storescu with both certificates, profile ${profile}`, { skip: sharedSkip }, async (t) => {
      const { acceptor, intake, event } = await startAcceptorSite(t, { settings: tls('required') })
      const args = [...tlsOptions(site.client), profile, '-R', 'localhost', `${acceptor.port}`, sharedPath(SMALL)]
      const { code, stderr } = await runDcmtk('storescu', args)
      assert.equal(code, 0, stderr)
      assert.equal(intake.taken.length, 1)
      const { tls: version, association } = await event('association_accepted')
      assert.match(version ?? '', /^TLSv1\.[23]$/)
      const certificate = new X509Certificate(readFileSync(site.client.certificatePath))
      assert.equal(association.certificate, certificate.fingerprint256.replaceAll(':', '').toLowerCase())
      assert.equal(intake.taken[0]?.announcement.origin.peer, association.certificate)
    })
  }

  it('turns a client away that shows no certificate, or a stranger’s, where one is required', async (t) => {
    const { acceptor, event } = await startAcceptorSite(t, { settings: tls('required') })
    assert.notEqual((await echo(acceptor.port, anonymous())).code, 0)
    assert.notEqual((await echo(acceptor.port, tlsOptions(site.stranger))).code, 0)
    assert.equal((await event('connection_failed', 2)).reason, 'tls_failed')
    assert.equal((await echo(acceptor.port, tlsOptions(site.client))).code, 0)
  })

  it('takes clients without a certificate where it is optional, but no stranger’s', async (t) => {
    const { acceptor, event } = await startAcceptorSite(t, { settings: tls('optional') })
    assert.equal((await echo(acceptor.port, anonymous())).code, 0)
    assert.equal((await event('association_accepted')).association.certificate, null)
    assert.notEqual((await echo(acceptor.port, tlsOptions(site.stranger))).code, 0)
    assert.equal((await event('connection_failed')).reason, 'tls_failed')
    assert.equal((await echo(acceptor.port, tlsOptions(site.client))).code, 0)
  })

  it('binds a title to a certificate', async (t) => {
    const sha256 = new X509Certificate(readFileSync(site.client.certificatePath)).fingerprint256
    const callers = [{ aet: 'CT_1', addresses: [], certificates: [sha256] }]
    const { acceptor, event } = await startAcceptorSite(t, { settings: { ...tls('optional'), callers } })
    assert.equal((await echo(acceptor.port, tlsOptions(site.client))).code, 0)
    assert.notEqual((await echo(acceptor.port, anonymous())).code, 0)
    assert.equal((await event('association_rejected')).reason, 'certificate')
  })

  it('closes plain connections on a TLS port, and goes on', async (t) => {
    const { acceptor, event } = await startAcceptorSite(t, { settings: tls('none') })
    const plain = await RawPeer.connect(acceptor.port)
    const held = await RawPeer.associate(acceptor.port, request(), own(site.client))
    plain.send(formatPdu(request()))
    assert.deepEqual(await plain.rest().catch(() => []), [])
    assert.equal((await event('connection_failed')).reason, 'tls_failed')
    held.send(message(3, echoCommand(1)))
    await held.command()
    const failed = await runDcmtk('echoscu', ['localhost', `${acceptor.port}`])
    assert.notEqual(failed.code, 0)
  })

  it('closes a connection on which no handshake comes', async (t) => {
    const { acceptor } = await startAcceptorSite(t, { settings: { ...tls('none'), limits: { associateMs: 50 } } })
    const socket = connectPlain({ port: acceptor.port, host: '127.0.0.1' })
    socket.on('error', () => undefined)
    await new Promise((resolve) => socket.once('close', resolve))
  })

  it('closes connections of an address that has too many, and goes on', async (t) => {
    const settings = { ...tls('none'), limits: { connectionsPerAddress: 1 } }
    const { acceptor, event } = await startAcceptorSite(t, { settings })
    const first = await RawPeer.associate(acceptor.port, request(), own(site.client))
    await assert.rejects(RawPeer.connect(acceptor.port, own(site.client)))
    assert.equal((await event('connection_failed')).reason, 'too_many_connections')
    await first.release()
  })

  it('refuses TLS 1.1 and suites without authenticated encryption', async (t) => {
    const { acceptor } = await startAcceptorSite(t, { settings: tls('none') })
    const old: readonly ConnectionOptions[] = [
      { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
      { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-SHA384' },
      { maxVersion: 'TLSv1.2', ciphers: 'AES256-GCM-SHA384' },
    ]
    for (const options of old) {
      await assert.rejects(RawPeer.connect(acceptor.port, { ...own(site.client), ...options }))
    }
    const peer = await RawPeer.associate(acceptor.port, request(), { ...own(site.client), maxVersion: 'TLSv1.2' })
    await peer.release()
  })

  it('reads on only when an object is durable, and drops what is half sent', async (t) => {
    const gate = Promise.withResolvers<void>()
    const { acceptor, intake, event } = await startAcceptorSite(t, {
      settings: tls('none'),
      intake: { onCommit: () => gate.promise },
    })
    const peer = await RawPeer.associate(acceptor.port, request(), own(site.client))
    const large = new Uint8Array(1_000_000)
    for (const id of [1, 2]) peer.send(message(1, storeCommand(id), large))
    peer.send(message(1, storeCommand(3), large).subarray(0, 500_000))
    gate.resolve()
    assert.equal((await peer.command()).messageIdBeingRespondedTo, 1)
    assert.equal((await peer.command()).messageIdBeingRespondedTo, 2)
    peer.destroy()
    await event('association_ended')
    assert.deepEqual([intake.taken.length, intake.open], [2, 0])
  })

  it('takes objects from Orthanc', { skip: orthanc.skip || sharedSkip }, async (t) => {
    const { acceptor, intake } = await startAcceptorSite(t, { settings: tls('required') })
    const sender = await startOrthanc({ tls: site.client }, t)
    await sender.know('gateway', { aet: 'GATEWAY', port: acceptor.port, useTls: true })
    await sender.post('instances', new Uint8Array(readFileSync(sharedPath(SMALL))))
    await sender.post('modalities/gateway/store', await sender.get('instances'))
    assert.equal(intake.taken.length, 1)
  })
})
