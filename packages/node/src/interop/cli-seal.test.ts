/** Sealing by the command line, with what other people make: an authority over HTTP, a token, signatures of dcmsign. */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createAuthority } from '../keys/embedded-authority.ts'
import { initKeyRing } from '../keys/key-ring.ts'
import { loadNative } from '../keys/pkcs11-native.ts'
import { type Outcome, peer, repositoryRoot, run, temporaryFolder } from '../testing/peers.ts'
import { makeKeys, takeImage } from '../testing/transcript-stage.ts'

const MAIN = join(repositoryRoot, 'packages/node/src/main.ts')
const PIN = '4711'
const nativeSkip = await loadNative().then(
  () => false as const,
  (cause: Error) => {
    if (process.env.CI === 'true') throw cause
    return cause.message
  },
)

describe('fiducial seal', () => {
  const folder = temporaryFolder()
  const home = join(folder, 'home')
  const image = join(folder, 'chest.dcm')
  const fiducial = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
    run(process.execPath, [MAIN, ...args], { cwd: folder, env: { FIDUCIAL_HOME: home, ...env } })

  before(async () => {
    writeFileSync(image, takeImage('chest'))
    await makeKeys(home)
    assert.equal((await fiducial(['keys', 'export', 'public'])).code, 0)
  })

  describe('with an authority over HTTP', () => {
    let server: Server
    let url = ''
    let queries = 0
    before(async () => {
      const other = await initKeyRing(join(folder, 'authority'), { site: 'Clock Ltd' })
      writeFileSync(
        join(folder, 'clock.pem'),
        (await run(process.execPath, [MAIN, 'keys', 'export'], { env: { FIDUCIAL_HOME: join(folder, 'authority') } }))
          .stdout,
      )
      const authority = createAuthority(await other.timestampSigner())
      server = createServer(async (request, response) => {
        queries++
        const pieces: Buffer[] = []
        for await (const piece of request) pieces.push(piece)
        response.setHeader('content-type', 'application/timestamp-reply')
        response.end(await authority.answer(new Uint8Array(Buffer.concat(pieces))))
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    })
    after(() => server.close())

    it('takes its timestamps, which count where it is trusted', async () => {
      const sealed = await fiducial(['seal', image, '--out', 'stamped', '--tsa', url])
      assert.equal(sealed.code, 0, sealed.stderr)
      assert.equal(queries, 3)
      assert.equal((await fiducial(['verify', 'stamped/chest.dcm'])).code, 2)
      const trusted = await fiducial(['verify', 'stamped/chest.dcm', '--trust', 'clock.pem'])
      assert.equal(trusted.code, 0, trusted.stdout)
    })

    it('ends with 69 and without a file when it cannot be reached', async () => {
      const { code, stderr } = await fiducial(['seal', image, '--out', 'unstamped', '--tsa', 'http://127.0.0.1:9/'])
      assert.equal(code, 69, stderr)
      assert.match(stderr, /^fiducial: .*chest\.dcm: .* \(service_unreachable\)$/m)
      assert.deepEqual(existsSync(join(folder, 'unstamped')) ? readdirSync(join(folder, 'unstamped')) : [], [])
    })
  })

  const dcmsign = peer('dcmsign')
  it('adds its signatures to those of dcmsign, and both are right to both', { skip: dcmsign.skip }, async () => {
    const other = join(folder, 'other')
    await (await initKeyRing(other, { site: 'Elsewhere' })).enrolDevice({ name: 'Theirs', dicomKey: 'rsa-2048' })
    const [ca, holder] = [join(other, 'keys', 'ca', 'certificate.pem'), join(other, 'keys', 'holders', 'device-theirs')]
    const [key, certificate] = [join(holder, 'dicom.key.pem'), join(holder, 'dicom.pem')]
    const signed = join(folder, 'theirs.dcm')
    const theirs = await run(dcmsign.path, ['--sign', key, certificate, image, signed])
    assert.equal(theirs.code, 0, theirs.stderr + theirs.stdout)

    const sealed = await fiducial(['seal', 'theirs.dcm', '--out', 'both'])
    assert.equal(sealed.code, 0, sealed.stderr)
    const verified = await fiducial(['verify', 'both/theirs.dcm', '--json', '--trust', ca])
    const record: { signatures: { state: string; signer: string }[]; verdict: string } = JSON.parse(verified.stdout)
    assert.equal(record.verdict, 'authentic', verified.stdout)
    assert.deepEqual(record.signatures.map(({ signer }) => signer.split('CN=').at(-1)?.split(',')[0]).sort(), [
      'J. Doe',
      'Room 1',
      'Theirs',
    ])
    const args = [
      '--verify',
      '+cf',
      join(folder, 'public', 'ca.pem'),
      '+cf',
      ca,
      '+rg',
      join(folder, 'both', 'theirs.dcm'),
    ]
    const { code, stdout } = await run(dcmsign.path, args)
    assert.equal(code, 0, stdout)
  })

  const softhsm = peer('softhsm2-util')
  const library = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib64/softhsm/libsofthsm2.so'].find(existsSync)
  it('seals folders with keys in a token, one after the other', { skip: softhsm.skip || nativeSkip }, async () => {
    mkdirSync(join(folder, 'tokens'))
    const SOFTHSM2_CONF = join(folder, 'softhsm2.conf')
    writeFileSync(
      SOFTHSM2_CONF,
      `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`,
    )
    const init = ['--init-token', '--free', '--label', 'one', '--so-pin', '1234', '--pin', PIN]
    const slot = (await run(softhsm.path, init, { env: { SOFTHSM2_CONF } })).stdout.match(/slot (\d+)/)?.[1] ?? ''
    const env = { SOFTHSM2_CONF, FIDUCIAL_PIN: PIN }
    const order = ['keys', 'enrol', 'device', 'Token room', '--pkcs11', library ?? '', '--slot', slot]
    const enrolled = await fiducial(order, env)
    assert.equal(enrolled.code, 0, enrolled.stderr)
    assert.match(enrolled.stdout, /device-token-room/)
    assert.ok(!readdirSync(join(home, 'keys', 'holders', 'device-token-room')).includes('dicom.key.pem'))

    mkdirSync(join(folder, 'many'))
    for (let i = 0; i < 24; i++) copyFileSync(image, join(folder, 'many', `${i}.dcm`))
    const seal = ['seal', 'many', '--out', 'from-token', '--device', 'device-token-room']
    const sealed = await fiducial(seal, env)
    assert.equal(sealed.code, 0, sealed.stderr + sealed.stdout)
    const verified = await fiducial(['verify', 'from-token'])
    assert.match(verified.stdout, /24 images: 24 authentic/)

    const wrong = await fiducial([...seal, '--overwrite'], { ...env, FIDUCIAL_PIN: '0000' })
    assert.equal(wrong.code, 77, wrong.stderr)
    assert.match(wrong.stderr, /\(key_passphrase_wrong\)/)
    const missing = await fiducial(seal, { SOFTHSM2_CONF })
    assert.equal(missing.code, 77, missing.stderr)
    assert.match(missing.stderr, /FIDUCIAL_PIN/)
    assert.ok(
      !readFileSync(join(home, 'keys', 'holders', 'device-token-room', 'dicom.pkcs11.json'), 'utf8').includes(PIN),
    )
  })
})
