import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeBase64 } from '../../bytes/base64.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { decodeUtf8, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { type DerElement, readChildren, readDer } from '../../formats/der/read.ts'
import { formatCanonicalJson } from '../../formats/json/canonical.ts'
import type { JsonValue } from '../../formats/json/parse.ts'
import { toyCertificate, toyKey } from '../../testing/toy-pki.ts'
import { device, hashes, sealedAt, toySeal, toyStatement, verifyOptions } from '../../testing/toy-seal.ts'
import { sealName, seriesSealName } from './namespace.ts'
import { formatSeal, parseSeal } from './seal.ts'
import { signSeal } from './sign.ts'
import { verifySeal } from './verify.ts'

type Json = { [name: string]: JsonValue }
const isFormatError =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof FormatError && error.code === code

const seal = await toySeal()
const file = formatSeal(seal)
const parseText = (text: string): ReturnType<typeof parseSeal> => parseSeal(encodeUtf8(text))
const edited = (edit: (value: Json) => void): string => {
  const value = JSON.parse(decodeUtf8(file)) as Json
  edit(value)
  return `${formatCanonicalJson(value)}\n`
}

describe('a seal', () => {
  it('survives formatting and parsing', () => {
    assert.deepEqual(parseSeal(file), seal)
    assert.deepEqual(formatSeal(parseSeal(file)), file)
  })

  it('is text that other programs read', () => {
    const value = JSON.parse(decodeUtf8(file)) as Json
    assert.equal(value.mediaType, 'application/vnd.fiducial.seal.v1+json')
    const envelope = value.envelope as Json
    assert.equal(envelope.payloadType, 'application/vnd.in-toto+json')
    assert.equal((envelope.signatures as Json[]).length, 4)
    assert.equal(
      (JSON.parse(atob(envelope.payload as string)) as Json).predicateType,
      'https://fiducial.dev/acquisition/v1',
    )
  })

  it('lies beside its image or its series', () => {
    assert.equal(sealName('chest.dcm'), 'chest.dcm.fiducial.json')
    assert.equal(seriesSealName('1.2.3'), '1.2.3.series.fiducial.json')
  })
})

describe('parseSeal', () => {
  const refusals: readonly { readonly name: string; readonly code: string; readonly text: string }[] = [
    { name: 'nothing', code: 'seal_malformed', text: '' },
    { name: 'a newline', code: 'json_malformed', text: '\n' },
    { name: 'an empty object', code: 'seal_malformed', text: '{}\n' },
    { name: 'a text without the newline', code: 'seal_malformed', text: decodeUtf8(file).trimEnd() },
    { name: 'a text with two newlines', code: 'json_malformed', text: `${decodeUtf8(file)}\n` },
    { name: 'another spelling', code: 'json_malformed', text: decodeUtf8(file).replace(',', ', ') },
    {
      name: 'another media type',
      code: 'seal_malformed',
      text: edited((value) => {
        value.mediaType = 'application/json'
      }),
    },
    {
      name: 'an unknown field',
      code: 'seal_malformed',
      text: edited((value) => {
        value.note = ''
      }),
    },
    {
      name: 'no series field',
      code: 'seal_malformed',
      text: edited((value) => {
        delete value.series
      }),
    },
    {
      name: 'another payload type',
      code: 'seal_malformed',
      text: edited((value) => {
        ;(value.envelope as Json).payloadType = 'text/plain'
      }),
    },
    {
      name: 'an envelope without signatures',
      code: 'envelope_malformed',
      text: edited((value) => {
        ;(value.envelope as Json).signatures = []
      }),
    },
    {
      name: 'a payload that is no statement',
      code: 'statement_malformed',
      text: edited((value) => {
        ;(value.envelope as Json).payload = encodeBase64(encodeUtf8('{}'))
      }),
    },
    {
      name: 'a certificate that is none',
      code: 'certificate_malformed',
      text: edited((value) => {
        value.certificates = ['AAAA']
      }),
    },
    {
      name: 'a frame of another length',
      code: 'seal_malformed',
      text: edited((value) => {
        value.frames = ['00']
      }),
    },
    {
      name: 'too many timestamps',
      code: 'seal_malformed',
      text: edited((value) => {
        value.timestamps = Array.from({ length: 5 }, () => 'AAAA')
      }),
    },
  ]
  for (const { name, code, text } of refusals) {
    it(`refuses ${name}`, () => assert.throws(() => parseText(text), isFormatError(code)))
  }

  it('refuses bytes that are no text', () => {
    assert.throws(() => parseSeal(Uint8Array.of(0xff, 0xfe, 0x0a)), isFormatError('json_malformed'))
    assert.throws(() => parseSeal(new Uint8Array(64 * 1024 * 1024 + 1)), isFormatError('seal_malformed'))
  })

  it('refuses a series beside an image that the technologist signed', async () => {
    const { seriesOf } = await import('../../testing/toy-series.ts')
    const { attached } = await seriesOf(2)
    const text = edited((value) => {
      value.series = (JSON.parse(decodeUtf8(formatSeal(attached[0] as typeof seal))) as Json).series as JsonValue
    })
    assert.throws(() => parseText(text), isFormatError('seal_malformed'))
  })
})

describe('a damaged seal', () => {
  /** What becomes of a file: refused, or the outcome of its verification. */
  function outcomeOf(bytes: Uint8Array): string {
    try {
      return verifySeal(parseSeal(bytes), verifyOptions).outcome
    } catch (error) {
      assert.ok(error instanceof FormatError, String(error))
      return 'refused'
    }
  }

  /**
   * Whether the damage lies where RFC 5652 leaves a token unsigned: its version numbers and its list of digest
   * algorithms, from which nothing is read. All else must be the very seal.
   */
  function isUnsigned(bytes: Uint8Array): boolean {
    const { timestamps, ...rest } = parseSeal(bytes)
    const {
      timestamps: [token = new Uint8Array(0)],
      ...good
    } = seal
    const [damaged = new Uint8Array(0)] = timestamps
    const places = [...damaged].flatMap((byte, i) => (byte === token[i] ? [] : [i]))
    assert.deepEqual(rest, good)
    return damaged.length === token.length && places.every((place) => unsignedPlaces(token).has(place))
  }

  it('never holds, whichever byte is flipped', () => {
    assert.equal(outcomeOf(file), 'holds')
    const outcomes = new Map<string, number>()
    for (let i = 0; i < file.length; i += 2) {
      const damaged = file.slice()
      damaged[i] = (damaged[i] as number) ^ (1 << ((i * 5) % 8))
      const outcome = outcomeOf(damaged)
      assert.ok(outcome !== 'holds' || isUnsigned(damaged), `byte ${i}`)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    // Flips inside base64 give other values of the same form, so that both answers come up often.
    assert.ok((outcomes.get('refused') ?? 0) > 100 && (outcomes.get('fails') ?? 0) > 100, JSON.stringify([...outcomes]))
  })

  it('never holds, whichever character of base64 is exchanged for another', () => {
    const text = decodeUtf8(file)
    let changed = 0
    for (const match of text.matchAll(/"[A-Za-z0-9+/]{40,}={0,2}"/g)) {
      for (let k = 1; k < match[0].length - 3; k += 29) {
        const i = match.index + k
        const other = text[i] === 'A' ? 'B' : 'A'
        const damaged = encodeUtf8(text.slice(0, i) + other + text.slice(i + 1))
        assert.ok(outcomeOf(damaged) !== 'holds' || isUnsigned(damaged), `character ${i}`)
        changed++
      }
    }
    assert.ok(changed > 300, `${changed} characters`)
  })

  it('never holds, whatever is cut off or doubled', () => {
    for (let length = 0; length < file.length; length += 97)
      assert.notEqual(outcomeOf(file.subarray(0, length)), 'holds')
    assert.notEqual(outcomeOf(Uint8Array.from([...file, ...file])), 'holds')
  })

  it('never holds with an entry of a list dropped, doubled or moved', () => {
    for (const name of ['certificates', 'frames', 'timestamps']) {
      const list = (JSON.parse(decodeUtf8(file)) as Json)[name] as JsonValue[]
      const others = [
        list.slice(1),
        list.slice(0, -1),
        [...list, ...list.slice(-1)],
        ...(list.length > 1 ? [list.toReversed()] : []),
      ]
      for (const other of others) {
        // Two equal tokens prove no less than one; every other doubling is refused.
        if (name === 'timestamps' && other.length > list.length) continue
        assert.notEqual(
          outcomeOf(
            encodeUtf8(
              edited((value) => {
                value[name] = other
              }),
            ),
          ),
          'holds',
          name,
        )
      }
    }
  })
})

/** Offsets in a token of one signer: content of the versions of SignedData and SignerInfo, and digestAlgorithms. */
function unsignedPlaces(token: Uint8Array): ReadonlySet<number> {
  const contentInfo = readDer(token)
  const explicit = readChildren(contentInfo)[1] as DerElement
  const [version, algorithms, , , signers] = readChildren(readChildren(explicit)[0] as DerElement) as DerElement[]
  const signerInfo = readChildren(signers as DerElement)[0] as DerElement
  const signerVersion = readChildren(signerInfo)[0] as DerElement
  const places = [version, algorithms, signerVersion].flatMap((element) => {
    const { contentStart, end } = element as DerElement
    return Array.from({ length: end - contentStart }, (_, i) => contentStart + i)
  })
  return new Set(places)
}

describe('signSeal', () => {
  it('refuses certificates that the statement does not name', async () => {
    const { operator } = await import('../../testing/toy-seal.ts')
    const statement = { ...device.statement, certificate: toyCertificate({ name: 'Room 3', spki: toyKey('x') }).bytes }
    const request = {
      statement: toyStatement(),
      frames: seal.frames,
      hashes,
      signers: { device: { ...device, statement }, operator },
    }
    await assert.rejects(signSeal(request), TypeError)
  })

  it('refuses keys of other kinds', async () => {
    const { operator, deviceFacts } = await import('../../testing/toy-seal.ts')
    const { certificatesOf } = await import('./sign.ts')
    for (const signers of [
      { ...device, postQuantum: device.statement },
      { ...device, statement: device.postQuantum },
    ]) {
      const statement = toyStatement(undefined, {
        device: { ...deviceFacts, certificates: certificatesOf(signers, hashes) },
      })
      await assert.rejects(
        signSeal({ statement, frames: seal.frames, hashes, signers: { device: signers, operator } }),
        TypeError,
      )
    }
  })

  it('keeps the order of holders and keys, and keyids that lead to the certificates', () => {
    const { device: d, operator: o } = seal.statement
    const leaves = [
      d.certificates.statement,
      d.certificates.postQuantum,
      o.certificates.statement,
      o.certificates.postQuantum,
    ]
    assert.deepEqual(
      seal.envelope.signatures.map(({ keyid }) => keyid),
      leaves.map((chain) => encodeHex(chain[0] as Uint8Array)),
    )
    assert.equal(seal.statement.sealedAt.getTime(), sealedAt.getTime())
  })
})
