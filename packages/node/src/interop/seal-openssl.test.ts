/**
 * Seals checked by the tools of others: openssl for Ed25519, P-256 and the timestamp, noble for ML-DSA-44, and the
 * portable implementation of all of them for the whole seal.
 */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { portableCrypto } from '@fiducial/core/bytes/portable-crypto.ts'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { concatBytes } from '@fiducial/core/bytes/text.ts'
import { parseSeal, type Seal } from '@fiducial/core/domain/seal/seal.ts'
import { verifySeal } from '@fiducial/core/domain/seal/verify.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, us } from '@fiducial/core/formats/dicom/values.ts'
import { encodePae } from '@fiducial/core/formats/dsse/envelope.ts'
import type { Certificate } from '@fiducial/core/formats/x509/certificate.ts'
import { encodePem } from '@fiducial/core/formats/x509/pem.ts'
import { embeddedAuthority } from '../keys/embedded-authority.ts'
import { initKeyRing, type KeyRing } from '../keys/key-ring.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { prepareSeal } from '../services/seal-instance.ts'
import { peer, run, temporaryFolder } from '../testing/peers.ts'

const openssl = peer('openssl')
const folder = temporaryFolder()
const at = (name: string): string => join(folder, name)

let ring: KeyRing
const seals: Record<'ed25519' | 'p-256', Seal | undefined> = { ed25519: undefined, 'p-256': undefined }

/** A small image, sealed with statement keys of one kind. */
async function makeSeal(statementKey: 'ed25519' | 'p-256'): Promise<Seal> {
  const device = await ring.enrolDevice({
    name: `Room ${statementKey}`,
    serial: '4711',
    dicomKey: 'p-256',
    statementKey,
  })
  const person = await ring.enrolPerson({
    name: `Änne ${statementKey}`,
    staffId: 'u17',
    dicomKey: 'p-256',
    statementKey,
  })
  const elements = [
    text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.1'),
    text(0x00080018, 'UI', '2.25.1001'),
    us(0x00280010, 2),
    us(0x00280011, 2),
    { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(8) },
  ]
  const file = Buffer.concat(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements }))
  const prepared = await prepareSeal(memorySource(file), {
    crypto: nativeCrypto,
    codecs: createCodecs(() => Promise.reject(new TypeError('no codec is needed'))),
    random: (length) => new Uint8Array(length).fill(7),
    now: () => new Date(),
    device: { id: '4711', keys: await ring.signers(device.id) },
    operator: { id: 'u17', keys: await ring.signers(person.id) },
    authority: await embeddedAuthority(ring),
  })
  assert.equal(parseDicom(memorySource(file)).findings.length, 0)
  return parseSeal(await prepared.finish(new Uint8Array(32).fill(1)))
}

/** The certificate under whose digest a signature stands. */
function signerOf(seal: Seal, keyid: string): Certificate {
  const found = seal.certificates.find(({ bytes }) => encodeHex(digest(bytes)) === keyid)
  assert.ok(found)
  return found
}

function digest(bytes: Uint8Array): Uint8Array {
  const hash = nativeCrypto.hash('sha256')
  hash.update(bytes)
  return hash.digest()
}

describe('a seal made with node:crypto', () => {
  before(async () => {
    ring = await initKeyRing(folder, { site: 'Test Hospital' })
    for (const kind of ['ed25519', 'p-256'] as const) seals[kind] = await makeSeal(kind)
  })

  for (const kind of ['ed25519', 'p-256'] as const) {
    it(
      `has statement signatures of ${kind} that openssl verifies over the pre-authentication encoding`,
      openssl,
      async () => {
        const seal = seals[kind] as Seal
        const { payloadType, payload, signatures } = seal.envelope
        writeFileSync(at('pae'), encodePae(payloadType, payload))
        writeFileSync(at('payload'), payload)
        for (const { keyid, sig } of [signatures[0], signatures[2]] as typeof signatures) {
          const key = new X509Certificate(signerOf(seal, keyid).bytes).publicKey
          writeFileSync(at('key.pem'), key.export({ type: 'spki', format: 'pem' }))
          writeFileSync(at('sig'), sig)
          const verify = (input: string): ReturnType<typeof run> => {
            const digestOption = kind === 'p-256' ? ['-digest', 'sha256'] : []
            return run(openssl.path, [
              'pkeyutl',
              '-verify',
              '-pubin',
              '-inkey',
              at('key.pem'),
              '-rawin',
              ...digestOption,
              '-in',
              at(input),
              '-sigfile',
              at('sig'),
            ])
          }
          const right = await verify('pae')
          assert.equal(right.code, 0, right.stderr)
          assert.match(right.stdout, /Signature Verified Successfully/)
          assert.notEqual((await verify('payload')).code, 0)
        }
      },
    )

    it(`has post-quantum signatures that noble verifies, beside ${kind}`, () => {
      const seal = seals[kind] as Seal
      const { payloadType, payload, signatures } = seal.envelope
      const pae = encodePae(payloadType, payload)
      for (const { keyid, sig } of [signatures[1], signatures[3]] as typeof signatures) {
        const { spki, key } = signerOf(seal, keyid)
        assert.equal(key.algorithm, 'ml-dsa-44')
        assert.equal(sig.length, 2420)
        assert.equal(portableCrypto.verifyMessage(spki, pae, sig), true)
        assert.equal(portableCrypto.verifyMessage(spki, payload, sig), false)
      }
    })

    it(`holds for the native and the portable verifier alike, with ${kind}`, () => {
      const seal = seals[kind] as Seal
      const reports = [nativeCrypto, portableCrypto].map((crypto) =>
        verifySeal(seal, { crypto, anchors: ring.trust(), now: new Date() }),
      )
      for (const report of reports) assert.equal(report.outcome, 'holds', JSON.stringify(report.checks))
      assert.deepEqual(reports[0], reports[1])
    })
  }

  it('has a timestamp that openssl verifies over what was signed and the signatures', openssl, async () => {
    const { envelope, timestamps } = seals.ed25519 as Seal
    const pae = encodePae(envelope.payloadType, envelope.payload)
    const signatures = envelope.signatures.map(({ sig }) => sig)
    writeFileSync(at('signed'), concatBytes(pae, ...signatures))
    writeFileSync(at('other'), concatBytes(pae, ...signatures.slice(1)))
    writeFileSync(at('token'), timestamps[0] as Uint8Array)
    writeFileSync(
      at('ca.pem'),
      encodePem({ label: 'CERTIFICATE', bytes: ring.trust().roots[0]?.bytes ?? new Uint8Array(0) }),
    )
    const verify = (data: string): ReturnType<typeof run> =>
      run(openssl.path, ['ts', '-verify', '-data', at(data), '-in', at('token'), '-token_in', '-CAfile', at('ca.pem')])
    const right = await verify('signed')
    assert.equal(right.code, 0, right.stderr)
    assert.notEqual((await verify('other')).code, 0)
  })

  it('fails, never by an exception, after damage to any part of it', () => {
    const seal = seals.ed25519 as Seal
    const options = { crypto: nativeCrypto, anchors: ring.trust(), now: new Date() }
    const outcome = (changed: Partial<Seal>): string => verifySeal({ ...seal, ...changed }, options).outcome
    const { signatures } = seal.envelope
    for (const [i, signature] of signatures.entries()) {
      for (let k = 0; k < signature.sig.length; k += Math.ceil(signature.sig.length / 40)) {
        const sig = signature.sig.slice()
        sig[k] = (sig[k] as number) ^ 0x10
        const envelope = { ...seal.envelope, signatures: signatures.with(i, { ...signature, sig }) }
        assert.equal(outcome({ envelope }), 'fails', `signature ${i}, byte ${k}`)
      }
    }
  })
})
