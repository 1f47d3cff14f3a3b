/** DICOMweb by TLS with certificates on both sides, and what else may come to such a port. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text } from '@fiducial/core/formats/dicom/values.ts'
import { stowSender } from '../dicomweb/stow-sender.ts'
import type { WebPeerTls } from '../dicomweb/web-peer.ts'
import { storeFace } from '../http/dicomweb/store-face.ts'
import { type RunningServer, startServer } from '../http/server.ts'
import type { Outgoing } from '../services/gateway/ports.ts'
import { KeepingIntake } from '../testing/keeping-intake.ts'
import { LEAF_EXTENSIONS, openssl, opensslRoot } from '../testing/openssl-ca.ts'
import { peer, run, temporaryFolder } from '../testing/peers.ts'

const curl = peer('curl')
const read = (path: string) => readFileSync(path, 'utf8')

function outgoing(instance: string): Outgoing {
  const sopClassUid = '1.2.840.10008.5.1.4.1.1.7'
  const elements = [
    text(0x00080016, 'UI', sopClassUid),
    text(0x00080018, 'UI', instance),
    text(0x0020000d, 'UI', '1.1'),
  ]
  const bytes = joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements }))
  const open = async () => ({ ...memorySource(bytes), [Symbol.asyncDispose]: async () => undefined })
  const names = { sopClassUid, sopInstanceUid: instance, transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN }
  return { deliveryId: instance, orderKey: '1.1', sha256: new Uint8Array(32), ...names, open } as Outgoing
}

describe('DICOMweb by TLS', { skip: openssl.skip }, () => {
  const { signal } = new AbortController()
  const folder = temporaryFolder()
  const intake = new KeepingIntake()
  let server: RunningServer
  let authorities: string[]
  let modality: {
    readonly certificate: string
    readonly key: string
    readonly certificatePath: string
    readonly keyPath: string
  }
  let stranger: WebPeerTls
  before(async () => {
    const root = await opensslRoot(folder, { name: 'Site CA' })
    const own = await root.issue({ name: 'gateway', extensions: [...LEAF_EXTENSIONS, 'subjectAltName=IP:127.0.0.1'] })
    const { certificatePath, keyPath } = await root.issue({ name: 'CT 1' })
    const other = await opensslRoot(folder, { name: 'Other CA' })
    const foreign = await other.issue({ name: 'CT 9' })
    authorities = [read(root.certificatePath)]
    modality = { certificate: read(certificatePath), key: read(keyPath), certificatePath, keyPath }
    stranger = { authorities, certificate: read(foreign.certificatePath), key: read(foreign.keyPath) }
    server = await startServer([storeFace({ intake, require: () => async () => undefined })], {
      hasStreams: true,
      tls: { certificate: read(own.certificatePath), key: read(own.keyPath), clientAuthorities: authorities },
    })
  })
  after(() => server.close())

  async function send(tls: WebPeerTls | undefined, instance: string) {
    const sender = stowSender({ url: `${server.url}/dicom-web`, ...(tls && { tls }) })
    try {
      return await Array.fromAsync(sender.send([outgoing(instance)], signal))
    } finally {
      await sender.close()
    }
  }

  it('takes instances from who has a certificate of ours, and notes which', async () => {
    assert.ok(server.url.startsWith('https://'))
    const [result] = await send({ authorities, certificate: modality.certificate, key: modality.key }, '1.2.1')
    assert.deepEqual(result, { deliveryId: '1.2.1', outcome: 'stored' })
    const { origin } = intake.taken.at(-1)?.announcement ?? assert.fail()
    assert.match(origin.peer ?? '', /^[0-9a-f]{64}$/)
  })

  it('turns away who has none, or one that nobody here vouches for', async () => {
    const before = intake.taken.length
    for (const tls of [{ authorities }, stranger]) {
      const [result] = await send(tls, '1.2.2')
      assert.ok(result?.outcome === 'failed' && !result.isFinal, JSON.stringify(result))
    }
    assert.equal(intake.taken.length, before)
  })

  it('is not sent anything where nobody vouches for it', async () => {
    const [result] = await send({ certificate: modality.certificate, key: modality.key }, '1.2.3')
    assert.ok(result?.outcome === 'failed' && result.code === 'service_unreachable')
  })

  it('speaks nothing older than TLS 1.2, and no plain HTTP', async () => {
    const port = Number(new URL(server.url).port)
    const old = connectTls({
      port,
      host: '127.0.0.1',
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
      rejectUnauthorized: false,
    })
    await new Promise<void>((resolve, reject) =>
      old.on('error', () => resolve()).on('secureConnect', () => reject(new Error('TLS 1.1'))),
    )
    const answer = await new Promise<string>((resolve) => {
      let said = ''
      const socket = connect(port, '127.0.0.1', () =>
        socket.write('POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'),
      )
      socket.on('data', (bytes) => {
        said += bytes.toString('latin1')
      })
      socket.on('error', () => resolve(said)).on('close', () => resolve(said))
    })
    assert.ok(!/ 200 /.test(answer))
    const [result] = await send({ authorities, certificate: modality.certificate, key: modality.key }, '1.2.4')
    assert.equal(result?.outcome, 'stored')
  })

  it('takes what curl sends', { skip: curl.skip }, async () => {
    const file = await outgoing('1.2.5').open()
    const head = '--x\r\nContent-Type: application/dicom\r\n\r\n'
    const body = Buffer.concat([Buffer.from(head), file.view(0, file.length), Buffer.from('\r\n--x--\r\n')])
    const args = [
      '-sS',
      '--cacert',
      `${folder}/Site-CA/certificate.pem`,
      '--cert',
      modality.certificatePath,
      '--key',
      modality.keyPath,
    ]
    const type = 'Content-Type: multipart/related; type="application/dicom"; boundary=x'
    const { stdout, stderr, code } = await run(
      curl.path,
      [...args, '-H', type, '--data-binary', '@-', `${server.url}/dicom-web/studies`],
      { input: body },
    )
    assert.equal(code, 0, stderr)
    assert.ok(stdout.includes('"00081199"') && stdout.includes('1.2.5'))
  })
})
