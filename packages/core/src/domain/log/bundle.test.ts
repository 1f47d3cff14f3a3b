import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { concatBytes, decodeUtf8, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { writeTimestampResponse } from '../../formats/cms/timestamp.ts'
import { parseNote } from '../../formats/note/note.ts'
import { spkiOfVerifierKey } from '../../formats/note/verifier-key.ts'
import { formatSigstoreBundle, parseSigstoreBundle, type SigstoreBundle } from '../../formats/sigstore/bundle.ts'
import {
  toyEventCrypto as crypto,
  toyAuthority,
  toyBundle,
  toyClock,
  toyEvent,
  toyHeader,
  toyBundleTrust as trust,
} from '../../testing/toy-events.ts'
import { toyNoteSigner } from '../../testing/toy-notes.ts'
import { toyToken } from '../../testing/toy-pki.ts'
import { toyStatement } from '../../testing/toy-seal.ts'
import { formatStatement } from '../seal/statement.ts'
import { TIMESTAMP_POLICY } from '../trust/roles.ts'
import { type BundleParts, bundleImprint, exportBundle } from './bundle.ts'
import { type BundleReport, type BundleTrust, verifyBundle } from './bundle-verify.ts'
import { cosign } from './sign-checkpoint.ts'

const parts = await toyBundle()
const bytes = exportBundle(parts, crypto.hash)
const bundle = parseSigstoreBundle(bytes)

const verify = (what: Uint8Array, whom: Partial<BundleTrust> = {}): BundleReport =>
  verifyBundle(what, { ...trust, ...whom }, crypto)
const opens = ({ checks }: BundleReport): readonly string[] =>
  checks.flatMap((check) => (check.outcome === 'holds' ? [] : `${check.subject} ${check.reason}`))
const withParts = (change: Partial<BundleParts>): Uint8Array => exportBundle({ ...parts, ...change }, crypto.hash)
const withFields = (change: Partial<SigstoreBundle>): Uint8Array => formatSigstoreBundle({ ...bundle, ...change })
const hasCode = (code: string) => (error: unknown) => error instanceof FormatError && error.code === code

const stamp = (change: { time?: Date; digest?: Uint8Array; by?: typeof toyClock } = {}): Uint8Array => {
  const { time = new Date(toyHeader.at.getTime() + 2000), by = toyClock } = change
  const digest = change.digest ?? bundleImprint(parts.statement.signature, crypto.hash)
  return toyToken(
    { policy: TIMESTAMP_POLICY, imprint: { name: 'sha256', digest }, serial: '02', time, accuracyMs: 1 },
    by,
  )
}

describe('bundles', () => {
  it('hold, with all that there is to check', () => {
    const report = verify(bytes)
    assert.deepEqual(opens(report), [])
    assert.equal(report.outcome, 'holds')
    assert.equal(report.index, 5n)
    assert.deepEqual(report.statement, toyEvent('verified'))
    assert.equal(report.provenAt?.toISOString(), '2026-03-03T10:14:02.123Z')
    assert.deepEqual(
      report.checks.map(({ subject }) => subject),
      [
        'encoding',
        'event',
        'names',
        'entry',
        'statement',
        'signature',
        'checkpoint',
        'inclusion',
        'signer',
        'cosignatures',
        'time',
      ],
    )
  })

  it('are the same for the same parts', () => assert.deepEqual(exportBundle(parts, crypto.hash), bytes))

  it('are refused with any byte changed', () => {
    // More kinds of flips, with real keys: packages/node/src/interop/log-sigstore.test.ts.
    const accepted = Array.from(bytes.keys()).filter((at) => {
      const damaged = bytes.with(at, (bytes[at] as number) ^ 1)
      return verify(damaged).outcome === 'holds'
    })
    assert.deepEqual(accepted, [], `of ${bytes.length} flips`)
  })

  it('are refused with any byte missing or doubled', () => {
    for (let at = 0; at < bytes.length; at += 7) {
      const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at + 1)]
      for (const damaged of [
        concatBytes(head, tail),
        concatBytes(head, bytes.subarray(at, at + 1), bytes.subarray(at)),
      ]) {
        assert.equal(verify(damaged).outcome, 'fails')
      }
    }
  })

  it('take along the signatures that receivers know, and no others', async () => {
    const witness = toyNoteSigner('witness.example/a', 'cosignature-ed25519')
    const checkpoint = parts.checkpoint + (await cosign(parts.checkpoint, [witness], 7n))
    const names = (what: Uint8Array): number => parseNote(parseSigstoreBundle(what).checkpoint).signatures.length
    assert.equal(names(withParts({ checkpoint })), 2)
    const seen = withParts({ checkpoint, cosigners: [...parts.cosigners, witness.key] })
    assert.equal(names(seen), 3)
    assert.deepEqual(opens(verify(seen)), ['cosignatures cosigner_unknown'])
    assert.deepEqual(opens(verify(seen, { keys: [...trust.keys, witness.key] })), [])
  })

  it('are not made of parts that no bundle has', async () => {
    assert.throws(() => withParts({ checkpoint: 'x' }), hasCode('note_malformed'))
    assert.throws(() => withParts({ index: -1n }), hasCode('bundle_malformed'))
    assert.throws(() => withParts({ proof: [new Uint8Array(31)] }), hasCode('bundle_malformed'))
    assert.throws(() => withParts({ proof: Array(64).fill(new Uint8Array(32)) }), hasCode('bundle_malformed'))
    assert.throws(() => withParts({ timestamps: [new Uint8Array(5)] }), hasCode('timestamp_malformed'))
    assert.throws(() => withParts({ timestamps: Array(5).fill(stamp()) }), hasCode('bundle_malformed'))
    const log = toyNoteSigner('elsewhere.example/log', 'ed25519').key
    assert.throws(() => withParts({ log, cosigners: [] }), hasCode('checkpoint_malformed'))
    const statement = { ...parts.statement, signature: new Uint8Array(3) }
    assert.throws(() => withParts({ statement }), hasCode('entry_malformed'))
  })
})

describe('names in a bundle', () => {
  it('are those of the keys', () => {
    const other = { ...bundle.envelope, signatures: bundle.envelope.signatures.map(({ sig }) => ({ keyid: 'x', sig })) }
    const type = { ...bundle.envelope, payloadType: 'application/json' }
    for (const change of [{ hint: 'x' }, { logKeyId: new Uint8Array(32) }, { envelope: other }, { envelope: type }]) {
      assert.deepEqual(opens(verify(withFields(change))), ['names names_other'], Object.keys(change)[0])
    }
  })
})

describe('signers of a bundle', () => {
  it('are the log for its own events, and those that are named', async () => {
    const device = toyNoteSigner('device', 'ed25519')
    const own = exportBundle(await toyBundle(toyEvent('received'), device), crypto.hash)
    assert.deepEqual(opens(verify(own)), ['signer signer_unknown'])
    assert.deepEqual(opens(verify(own, { signers: [spkiOfVerifierKey(device.key)] })), [])
  })

  it('of an acquisition statement are never the log alone', async () => {
    const statement = { type: 'acquired', payload: formatStatement(toyStatement()) } as const
    const byLog = exportBundle(await toyBundle(statement), crypto.hash)
    assert.deepEqual(opens(verify(byLog)), ['signer signer_unknown'])
    assert.deepEqual(opens(verify(byLog, { signers: [parts.statement.spki] })), [])
  })

  it('are open where the log is unknown', () => {
    const report = verify(bytes, { keys: [] })
    assert.equal(report.outcome, 'unknown')
    assert.deepEqual(opens(report), [
      'names log_unknown',
      'checkpoint log_unknown',
      'inclusion log_unknown',
      'signer signer_unknown',
      'cosignatures cosigner_unknown',
    ])
  })
})

describe('events in a bundle', () => {
  it('fail where the statement is none of this log', async () => {
    const payload = encodeUtf8(
      '{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1"}',
    )
    const other = await toyBundle({ type: 'acquired', payload })
    const report = verify(exportBundle(other, crypto.hash))
    assert.equal(report.outcome, 'fails')
    assert.deepEqual(opens(report), ['event event_malformed', 'signer entry_unread'])
    assert.equal(report.statement, undefined)
  })

  it('fail with the parts of another bundle', async () => {
    const other = parseSigstoreBundle(exportBundle(await toyBundle(toyEvent('forwarded')), crypto.hash))
    const swapped = withFields({ envelope: { ...other.envelope, signatures: bundle.envelope.signatures } })
    assert.deepEqual(opens(verify(swapped)), ['statement statement_other', 'signature signature_wrong'])
    const { proof, checkpoint, body, timestamps } = other
    assert.throws(() => withFields({ body }), hasCode('bundle_malformed'))
    assert.deepEqual(opens(verify(withFields({ proof, checkpoint }))), ['inclusion inclusion_wrong'])
    assert.deepEqual(opens(verify(withFields({ timestamps }))), ['time timestamp_imprint_wrong'])
  })
})

describe('time in a bundle', () => {
  it('is asked for, or not', () => {
    const bare = withParts({ timestamps: [] })
    assert.deepEqual(opens(verify(bare)), ['time timestamp_absent'])
    assert.equal(verify(bare, { wantsTime: false }).outcome, 'holds')
  })

  it('is the earliest of several, each of which has to hold', () => {
    const later = stamp({ time: new Date('2026-03-03T10:20:00.000Z') })
    const report = verify(withParts({ timestamps: [later, ...parts.timestamps] }))
    assert.equal(report.provenAt?.toISOString(), '2026-03-03T10:14:02.123Z')
    const wrong = withParts({ timestamps: [...parts.timestamps, stamp({ digest: new Uint8Array(32) })] })
    assert.deepEqual(opens(verify(wrong)), ['time timestamp_imprint_wrong'])
  })

  it('contradicts an event that claims to be later', () => {
    const early = new Date(toyHeader.at.getTime() - 6 * 60_000)
    const report = verify(withParts({ timestamps: [stamp({ time: early })] }))
    assert.deepEqual(opens(report), ['time claimed_after_proven'])
    const within = new Date(toyHeader.at.getTime() - 4 * 60_000)
    assert.equal(verify(withParts({ timestamps: [stamp({ time: within })] })).outcome, 'holds')
  })

  it('is open with an authority that nobody trusts', () => {
    const by = toyAuthority('Other clock')
    const report = verify(withParts({ timestamps: [stamp({ by })] }))
    assert.deepEqual(opens(report), ['time timestamp_authority_untrusted'])
    assert.deepEqual(opens(verify(bytes, { anchors: { roots: [], intermediates: [], crls: [] } })), [
      'time timestamp_authority_untrusted',
    ])
  })

  it('is refused in a response with parts that nobody signed', () => {
    const [token = new Uint8Array(0)] = parts.timestamps
    const plain = writeTimestampResponse({ token })
    const granted = Uint8Array.from(plain)
    // PKIStatus 1, granted with changes: a token for the same digest all the same.
    assert.deepEqual(plain.subarray(4, 9), Uint8Array.of(0x30, 3, 2, 1, 0))
    granted[8] = 1
    for (const response of [granted, concatBytes(plain, Uint8Array.of(0)), new Uint8Array(9)]) {
      assert.deepEqual(opens(verify(withFields({ timestamps: [response] }))), ['time timestamp_not_plain'])
    }
  })
})

describe('bytes that are no bundle', () => {
  it('fail with one check', () => {
    for (const what of ['', '{}', 'null', `${decodeUtf8(bytes)}\n`, ` ${decodeUtf8(bytes)}`]) {
      const report = verify(encodeUtf8(what))
      assert.deepEqual(report.checks, [{ subject: 'encoding', outcome: 'fails', reason: 'bundle_malformed' }])
    }
  })
})
