/** Fuzz: the parsers of certificates, lists, tokens and their wrappings return or throw FormatError, and end. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { concatBytes, decodeLatin1, encodeLatin1 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { CA, sha256, toyCertificate, toyCrl, toyToken } from '../../testing/toy-pki.ts'
import { type DerElement, readChildren, readDer } from '../der/read.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { parseCrl } from '../x509/crl.ts'
import { decodePem, encodePem, parseCertificates, parseCrls } from '../x509/pem.ts'
import { parseSignedData } from './signed-data.ts'
import {
  parseTimestampQuery,
  parseTimestampResponse,
  parseTimestampToken,
  writeTimestampQuery,
  writeTimestampResponse,
} from './timestamp.ts'

const root = toyCertificate({
  name: 'root',
  extensions: {
    ...CA,
    extendedKeyUsage: {
      purposes: ['1.3.6.1.5.5.7.3.8', '2.25.102214241739557343674000283044591024103.1.1'],
      isCritical: true,
    },
    policies: ['1.2.3'],
    subjectKeyIdentifier: sha256(),
    authorityKeyIdentifier: sha256(),
  },
})
const crl = toyCrl(root, [
  {
    serial: '01',
    revokedAt: new Date('2025-01-01T00:00:00Z'),
    reason: 'keyCompromise',
    invalidSince: new Date('2024-01-01T00:00:00Z'),
  },
  { serial: '02', revokedAt: new Date('2025-01-01T00:00:00Z'), reason: 'unspecified' },
])
const imprint = { name: 'sha256', digest: sha256() } as const
const query = writeTimestampQuery({ imprint, policy: '1.2.3', nonce: '00ff', wantsCertificate: true })
const time = new Date('2025-06-01T12:00:00.250Z')
const token = toyToken({ policy: '1.2.3', imprint, serial: '01', time, accuracyMs: 1001, nonce: '01' }, root)

const walk = (element: DerElement): void => {
  if (element.tag & 0x20) for (const child of readChildren(element)) walk(child)
}

/** Each parser with an input that it accepts. */
const parsers: Record<string, { readonly parse: (bytes: Uint8Array) => unknown; readonly good: Uint8Array }> = {
  DER: { parse: (bytes) => walk(readDer(bytes)), good: root.bytes },
  certificate: { parse: parseCertificate, good: root.bytes },
  'revocation list': { parse: parseCrl, good: crl.bytes },
  'signed data': { parse: parseSignedData, good: token },
  token: { parse: parseTimestampToken, good: token },
  response: { parse: parseTimestampResponse, good: writeTimestampResponse({ token }) },
  refusal: { parse: parseTimestampResponse, good: writeTimestampResponse({ failure: 'badAlg', text: 'no' }) },
  query: { parse: parseTimestampQuery, good: query },
  PEM: {
    parse: (bytes) => decodePem(decodeLatin1(bytes)),
    good: encodeLatin1(encodePem({ label: 'CERTIFICATE', bytes: root.bytes })),
  },
  'file of certificates': {
    parse: parseCertificates,
    good: encodeLatin1(encodePem({ label: 'CERTIFICATE', bytes: root.bytes })),
  },
  'file of lists': { parse: parseCrls, good: encodeLatin1(encodePem({ label: 'X509 CRL', bytes: crl.bytes })) },
}

/** Random numbers that are the same in each run (mulberry32): 0 up to, not including, `below`. */
function createRandom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

function mustNotEscape(parse: (bytes: Uint8Array) => unknown, bytes: Uint8Array, what: string): void {
  try {
    parse(bytes)
  } catch (error) {
    assert.ok(error instanceof FormatError, `${what}: ${error}`)
  }
}

describe('fuzz', () => {
  for (const [name, { parse, good }] of Object.entries(parsers)) {
    it(`reads the good ${name}, and lets only FormatError out for damage of each byte`, () => {
      parse(good)
      for (let at = 0; at < good.length; at++) {
        for (const mask of [0x01, 0x20, 0x80, 0xff]) {
          const damaged = Uint8Array.from(good)
          damaged[at] = (damaged[at] ?? 0) ^ mask
          mustNotEscape(parse, damaged, `byte ${at} ^ ${mask}`)
        }
      }
    })

    it(`lets only FormatError out for a cut or mixed ${name}, and for noise`, () => {
      const random = createRandom(name.length)
      for (let length = 0; length < good.length; length++)
        mustNotEscape(parse, good.subarray(0, length), `cut at ${length}`)
      for (let round = 0; round < 500; round++) {
        const [a, b, c] = [random(good.length), random(good.length), random(good.length)]
        mustNotEscape(parse, concatBytes(good.subarray(0, a), good.subarray(b)), `round ${round}: ${a}, ${b}`)
        const spliced = Uint8Array.from(good)
        spliced.copyWithin(a, b, Math.min(b + 40, good.length))
        spliced[c] = random(256)
        mustNotEscape(parse, spliced, `round ${round}: ${a}, ${b}, ${c}`)
        mustNotEscape(
          parse,
          Uint8Array.from({ length: random(200) }, () => random(256)),
          `round ${round}: noise`,
        )
      }
    })
  }

  it('ends at once for a deep nest and for long lists of next to nothing', () => {
    const deep = Uint8Array.from({ length: 200_000 }, (_, i) => [0x30, 0x84, 0, 3, 0, 0][i % 6] ?? 0)
    const many = concatBytes(
      Uint8Array.of(0x30, 0x83, 3, 0, 0),
      new Uint8Array(0x30000).fill(0x05).map((_, i) => (i % 2 ? 0 : 5)),
    )
    for (const { parse } of Object.values(parsers)) {
      mustNotEscape(parse, deep, 'deep')
      mustNotEscape(parse, many, 'many')
    }
  })
})
