import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { toyCertificate, toyCrl } from '../../testing/toy-pki.ts'
import { decodePem, encodePem, parseCertificates, parseCrls } from './pem.ts'

const root = toyCertificate({ name: 'root' })
const crl = toyCrl(root, [])
const certificateText = encodePem({ label: 'CERTIFICATE', bytes: root.bytes })
const crlText = encodePem({ label: 'X509 CRL', bytes: crl.bytes })
const isMalformed = (error: unknown) => error instanceof FormatError && error.code === 'pem_malformed'

describe('PEM', () => {
  it('reads what it wrote, for bytes of every length up to a few lines', () => {
    for (let length = 0; length < 150; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => i * 7)
      const text = encodePem({ label: 'THING', bytes })
      assert.ok(text.split('\n').every((line) => line.length <= 64))
      assert.deepEqual(decodePem(text), [{ label: 'THING', bytes }])
    }
  })

  it('reads several blocks with text around them, of either line ending', () => {
    const text = `Subject: somebody\n${certificateText}\n# more\n${crlText}${certificateText}`.replaceAll('\n', '\r\n')
    assert.deepEqual(
      decodePem(text).map(({ label }) => label),
      ['CERTIFICATE', 'X509 CRL', 'CERTIFICATE'],
    )
    assert.equal(decodePem(text, 'CERTIFICATE').length, 2)
  })

  it('reads certificates and lists from PEM and from DER', () => {
    const both = encodeUtf8(certificateText + crlText)
    assert.deepEqual(parseCertificates(both), [root])
    assert.deepEqual(parseCrls(both), [crl])
    assert.deepEqual(parseCertificates(root.bytes), [root])
    assert.deepEqual(parseCrls(crl.bytes), [crl])
  })

  const refused: Record<string, string> = {
    'a block that does not end': certificateText.replace(/-----END.*/, ''),
    'a block that did not begin': certificateText.replace(/-----BEGIN.*/, ''),
    'a block inside another': certificateText.replace('\n', '\n-----BEGIN CERTIFICATE-----\n'),
    'an end of another label': certificateText.replace('END CERTIFICATE', 'END X509 CRL'),
    'a body that is not base64': certificateText.replace('MI', '!!'),
    'base64 without its padding': '-----BEGIN CERTIFICATE-----\nMA\n-----END CERTIFICATE-----\n',
    'headers inside a block': certificateText.replace('\n', '\nProc-Type: 4,ENCRYPTED\n\n'),
  }
  for (const [name, text] of Object.entries(refused)) {
    it(`refuses ${name}`, () => assert.throws(() => decodePem(text), isMalformed))
  }

  it('refuses a file without what is asked for', () => {
    assert.throws(() => parseCertificates(encodeUtf8(crlText)), isMalformed)
    assert.throws(() => parseCertificates(new Uint8Array()), isMalformed)
    assert.throws(() => parseCrls(encodeUtf8(certificateText)), isMalformed)
  })
})
