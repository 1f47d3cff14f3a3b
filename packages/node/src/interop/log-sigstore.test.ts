/**
 * Bundles of the custody log and Sigstore's own verifier: it accepts ours offline and refuses them tampered with; ours
 * refuses every flip of a byte, also those that theirs lets pass.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { before, describe, it } from 'node:test'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { decodeUtf8, encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { type BundleParts, bundleImprint, exportBundle, hintOf } from '@fiducial/core/domain/log/bundle.ts'
import { exportTrustedRoot, readTrustedRoot } from '@fiducial/core/domain/log/bundle-trust.ts'
import { type BundleReport, type BundleTrust, verifyBundle } from '@fiducial/core/domain/log/bundle-verify.ts'
import { makeEntry, type SignedPayload, signedBytes } from '@fiducial/core/domain/log/entry.ts'
import { formatEventStatement } from '@fiducial/core/domain/log/event.ts'
import type { CustodyEventType } from '@fiducial/core/domain/log/event-details.ts'
import { cosign, type LogSigner, signCheckpoint } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { formatStatement } from '@fiducial/core/domain/seal/statement.ts'
import {
  parseTimestampResponse,
  parseTimestampToken,
  writeTimestampQuery,
} from '@fiducial/core/formats/cms/timestamp.ts'
import { MerkleTree } from '@fiducial/core/formats/merkle/tree.ts'
import { formatNote, parseNote } from '@fiducial/core/formats/note/note.ts'
import { spkiOfVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import {
  formatSigstoreBundle,
  parseSigstoreBundle,
  type SigstoreBundle,
} from '@fiducial/core/formats/sigstore/bundle.ts'
import { formatRekorEntry, parseRekorEntry } from '@fiducial/core/formats/sigstore/rekor-entry.ts'
import { type Certificate, parseCertificate } from '@fiducial/core/formats/x509/certificate.ts'
import { CUSTODY_TYPES, toyEvent } from '@fiducial/core/testing/toy-events.ts'
import { toySigner } from '@fiducial/core/testing/toy-log.ts'
import { toyStatement } from '@fiducial/core/testing/toy-seal.ts'
import { bundleFromJSON } from '@sigstore/bundle'
import { PublicKeyDetails, TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { embeddedAuthority } from '../keys/embedded-authority.ts'
import { initKeyRing } from '../keys/key-ring.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { CA_EXTENSIONS, openssl, opensslRoot, opensslTimestamp, TSA_EXTENSIONS } from '../testing/openssl-ca.ts'
import { temporaryFolder } from '../testing/peers.ts'

const { hash } = nativeCrypto
const ORIGIN = 'hospital.example/log'
const log: LogSigner = {
  origin: ORIGIN,
  ed25519: toySigner(ORIGIN, 'ed25519'),
  mlDsa44: toySigner(ORIGIN, 'cosignature-ml-dsa-44'),
}
const witness = toySigner('witness.example/w', 'cosignature-ed25519')
const keys = [log.ed25519, log.mlDsa44 ?? assert.fail(), witness].map(({ key }) => key)

const SIZE = 700
const INDEX = 333n

interface Site {
  readonly stamp: (digest: Uint8Array) => Promise<Uint8Array>
  /** Of its timestamp authority. */
  readonly chain: readonly Certificate[]
}

/** A site with the authority of its own key ring, RSA. */
async function ringSite(now: () => Date = () => new Date()): Promise<Site> {
  const ring = await initKeyRing(temporaryFolder(), { site: 'Test Site' })
  const authority = await embeddedAuthority(ring, now)
  const { certificate, chain } = await ring.timestampSigner()
  return {
    stamp: (digest) => authority.timestamp('sha256', digest),
    chain: [certificate, ...chain].map(parseCertificate),
  }
}

/** A site that asks an authority of openssl, on P-256 and with a step between it and the root. */
async function opensslSite(): Promise<Site> {
  const folder = temporaryFolder()
  const root = await opensslRoot(folder, { name: 'root' })
  const middle = await root.issue({ name: 'middle', extensions: CA_EXTENSIONS })
  const authority = await middle.issue({ name: 'tsa', extensions: TSA_EXTENSIONS })
  return {
    async stamp(digest) {
      const query = writeTimestampQuery({ imprint: { name: 'sha256', digest }, wantsCertificate: true, nonce: '00d1' })
      // Sigstore reads a fraction of three digits only, and DER drops zeros: asked again until it has them.
      for (;;) {
        const { token } = parseTimestampResponse(await opensslTimestamp(folder, authority, { query, chain: [middle] }))
        if (token && parseTimestampToken(token).info.time.getTime() % 10 !== 0) return token
      }
    },
    chain: [authority, middle, root].map(({ certificate }) => certificate),
  }
}

/** A statement by the log itself. */
async function signByLog(payload: Uint8Array): Promise<SignedPayload> {
  const signature = await log.ed25519.sign(signedBytes(payload))
  return { payload, signature, spki: spkiOfVerifierKey(log.ed25519.key) }
}

/** A statement by a device with a P-256 key. */
function signByDevice(payload: Uint8Array): SignedPayload {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    payload,
    signature: new Uint8Array(sign('sha256', signedBytes(payload), privateKey)),
    spki: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
  }
}

/** The event of a kind, as if it had just happened. */
const happening = (type: CustodyEventType): Uint8Array => formatEventStatement({ ...toyEvent(type), at: new Date() })

/** A signed statement as an entry of a log of 700, under a checkpoint that a witness has cosigned. */
async function logged(statement: SignedPayload, stamps: readonly Site[], leaf?: Uint8Array): Promise<BundleParts> {
  const leaves = Array.from({ length: SIZE }, (_, i) => encodeUtf8(`entry ${i}`))
  leaves[Number(INDEX)] = leaf ?? makeEntry(statement, hash)
  const tree = new MerkleTree(hash, leaves)
  const checkpoint = { origin: ORIGIN, size: tree.size, root: tree.root, extensions: [] }
  const note = await signCheckpoint(checkpoint, log, 1_800_000_000n)
  const digest = bundleImprint(statement.signature, hash)
  return {
    statement,
    index: INDEX,
    proof: tree.prove(INDEX),
    checkpoint: note + (await cosign(note, [witness], 1_800_000_001n)),
    log: log.ed25519.key,
    cosigners: keys,
    timestamps: await Promise.all(stamps.map(({ stamp }) => stamp(digest))),
  }
}

const trustedRoot = (sites: readonly Site[]): Uint8Array =>
  exportTrustedRoot({ keys, authorities: sites.map(({ chain }) => chain), validFrom: new Date(0) }, hash)

interface Verifiers {
  readonly here: (bundle: Uint8Array) => BundleReport
  /** @throws what Sigstore throws */
  readonly there: (bundle: Uint8Array) => void
}

/**
 * Our verifier and Sigstore's, both with what the trusted root of some sites says.
 * @param spki  of the one who signs statements
 */
function verifiersOf(sites: readonly Site[], spki: Uint8Array): Verifiers {
  const root = trustedRoot(sites)
  const { anchors } = readTrustedRoot(root, hash)
  const trust: BundleTrust = { keys, anchors, policy: null, signers: [spki], wantsTime: true }
  const key = { [hintOf(spki, hash)]: { rawBytes: Buffer.from(spki), keyDetails: PublicKeyDetails.PKIX_ED25519 } }
  const material = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(decodeUtf8(root))), key)
  const theirs = new Verifier(material, { tlogThreshold: 1, timestampThreshold: 1, ctlogThreshold: 0 })
  return {
    here: (bundle) => verifyBundle(bundle, trust, nativeCrypto),
    there: (bundle) => void theirs.verify(toSignedEntity(bundleFromJSON(JSON.parse(decodeUtf8(bundle))))),
  }
}

/** What does not hold, as `subject reason`. */
const opens = ({ checks }: BundleReport): readonly string[] =>
  checks.flatMap((check) => (check.outcome === 'holds' ? [] : `${check.subject} ${check.reason}`))

const withFirst = (bytes: Uint8Array): Uint8Array => bytes.with(0, (bytes[0] as number) ^ 1)

describe('bundles of the log', () => {
  let site: Site
  before(async () => {
    site = await ringSite()
  })

  it('are accepted by sigstore offline, one of each event', async () => {
    for (const type of CUSTODY_TYPES) {
      const statement = await signByLog(happening(type))
      const bundle = exportBundle(await logged(statement, [site]), hash)
      const { here, there } = verifiersOf([site], statement.spki)
      there(bundle)
      assert.deepEqual(opens(here(bundle)), [], type)
    }
  })

  it('are accepted with the signature of a device on P-256', async () => {
    const statement = signByDevice(formatStatement(toyStatement()))
    const bundle = exportBundle(await logged(statement, [site]), hash)
    const { here, there } = verifiersOf([site], statement.spki)
    there(bundle)
    assert.deepEqual(opens(here(bundle)), [])
  })

  it('are refused where the leaf hashes the pre-authentication encoding, as newer logs do', async () => {
    const statement = await signByLog(happening('verified'))
    const leaf = formatRekorEntry({
      payloadSha256: digestOf(hash, 'sha256', signedBytes(statement.payload)),
      signature: statement.signature,
      keyDetails: 'PKIX_ED25519',
      spki: statement.spki,
    })
    const parts = await logged(statement, [site], leaf)
    const bundle = formatSigstoreBundle({ ...parseSigstoreBundle(exportBundle(parts, hash)), body: leaf })
    const { here, there } = verifiersOf([site], statement.spki)
    assert.throws(() => there(bundle), { code: 'TLOG_BODY_ERROR' })
    assert.deepEqual(opens(here(bundle)), ['statement statement_other'])
  })

  it('hold a time that sigstore reads, also where the clock of our authority ends in zero', async () => {
    const statement = await signByLog(formatEventStatement(toyEvent('verified')))
    const atTenths = await ringSite(() => new Date(Math.floor(Date.now() / 100) * 100))
    const { here, there } = verifiersOf([atTenths], statement.spki)
    const bundle = exportBundle(await logged(statement, [atTenths]), hash)
    there(bundle)
    assert.deepEqual(opens(here(bundle)), [])
  })
})

describe('bundles with timestamps of openssl', { skip: openssl.skip }, () => {
  it('are accepted, with one or two authorities', async () => {
    const sites = [await ringSite(), await opensslSite()]
    const statement = await signByLog(happening('received'))
    for (const by of [sites.slice(1), sites]) {
      const bundle = exportBundle(await logged(statement, by), hash)
      const { here, there } = verifiersOf(by, statement.spki)
      there(bundle)
      assert.deepEqual(opens(here(bundle)), [])
    }
  })

  it('are refused where the authority is another', async () => {
    const [one, other] = [await opensslSite(), await opensslSite()]
    const statement = await signByLog(happening('received'))
    const bundle = exportBundle(await logged(statement, [one]), hash)
    const { here, there } = verifiersOf([other], statement.spki)
    assert.throws(() => there(bundle), { code: 'TIMESTAMP_ERROR' })
    assert.equal(here(bundle).outcome === 'holds', false)
  })
})

describe('bundles that were tampered with', () => {
  let verifiers: Verifiers
  let bundle: SigstoreBundle
  before(async () => {
    const site = await ringSite()
    const statement = await signByLog(happening('verified'))
    verifiers = verifiersOf([site], statement.spki)
    bundle = parseSigstoreBundle(exportBundle(await logged(statement, [site]), hash))
  })

  /** What is changed, what Sigstore says, and what we do. */
  const changes: Record<
    string,
    (one: SigstoreBundle) => { change: Partial<SigstoreBundle>; there: string; here: string }
  > = {
    payload: ({ envelope }) => ({
      change: { envelope: { ...envelope, payload: happening('forwarded') } },
      there: 'TLOG_BODY_ERROR',
      here: 'statement statement_other',
    }),
    proof: ({ proof }) => ({
      change: { proof: proof.with(3, withFirst(proof[3] ?? assert.fail())) },
      there: 'TLOG_INCLUSION_PROOF_ERROR',
      here: 'inclusion inclusion_wrong',
    }),
    index: () => ({ change: { index: 332n }, there: 'TLOG_INCLUSION_PROOF_ERROR', here: 'inclusion inclusion_wrong' }),
    'root of the checkpoint': ({ checkpoint }) => ({
      change: { checkpoint: checkpoint.replace(/(?<=\n)[A-Za-z0-9+/]{43}=/, `${'A'.repeat(43)}=`) },
      there: 'TLOG_INCLUSION_PROOF_ERROR',
      here: 'checkpoint checkpoint_signature_wrong',
    }),
    'size of the checkpoint': ({ checkpoint }) => ({
      change: { checkpoint: checkpoint.replace('\n700\n', '\n701\n') },
      there: 'TLOG_INCLUSION_PROOF_ERROR',
      here: 'checkpoint checkpoint_signature_wrong',
    }),
    'signature of the log': ({ checkpoint }) => ({
      change: { checkpoint: withSignature(checkpoint, 0) },
      there: 'TLOG_INCLUSION_PROOF_ERROR',
      here: 'checkpoint checkpoint_signature_wrong',
    }),
    time: ({ timestamps: [response = assert.fail()] }) => ({
      change: { timestamps: [response.with(-5, (response.at(-5) ?? 0) ^ 1)] },
      there: 'TIMESTAMP_ERROR',
      here: 'time timestamp_signature_wrong',
    }),
    'signature in envelope and leaf': ({ envelope, body }) => {
      const [{ keyid, sig } = assert.fail()] = envelope.signatures
      const signature = withFirst(sig)
      return {
        change: {
          envelope: { ...envelope, signatures: [{ keyid, sig: signature }] },
          body: formatRekorEntry({ ...parseRekorEntry(body), signature }),
        },
        there: 'TIMESTAMP_ERROR',
        here: 'signature signature_wrong',
      }
    },
  }
  for (const [name, change] of Object.entries(changes)) {
    it(`are refused by both: ${name}`, () => {
      const { change: fields, there, here } = change(bundle)
      const tampered = formatSigstoreBundle({ ...bundle, ...fields })
      assert.throws(() => verifiers.there(tampered), { code: there })
      assert.ok(opens(verifiers.here(tampered)).includes(here), opens(verifiers.here(tampered)).join(', '))
    })
  }

  it('are refused by us where sigstore does not look: the signatures of ML-DSA-44 and of the witness', () => {
    for (const line of [1, 2]) {
      const tampered = formatSigstoreBundle({ ...bundle, checkpoint: withSignature(bundle.checkpoint, line) })
      verifiers.there(tampered)
      assert.equal(verifiers.here(tampered).outcome, 'fails')
    }
  })

  it('are refused by us with each byte flipped', (test) => {
    const bytes = formatSigstoreBundle(bundle)
    assert.equal(verifiers.here(bytes).outcome, 'holds')
    const flips = Array.from(bytes.keys()).flatMap((at) => [
      { at, mask: 0x01 },
      ...(at % 4 === 0 ? [{ at, mask: 0x20 }] : []),
    ])
    const isAccepted = ({ at, mask }: { at: number; mask: number }): boolean =>
      verifiers.here(bytes.with(at, (bytes[at] as number) ^ mask)).outcome === 'holds'
    assert.deepEqual(flips.filter(isAccepted), [])
    test.diagnostic(`refused by us: ${flips.length} of ${flips.length} flips in ${bytes.length} bytes`)
  })

  it('are refused by sigstore with fewer bytes flipped', (test) => {
    const bytes = formatSigstoreBundle(bundle)
    const tried = Array.from(bytes.keys()).filter((at) => at % 8 === 0)
    const passing = tried.filter((at) => {
      try {
        verifiers.there(bytes.with(at, (bytes[at] as number) ^ 1))
        return true
      } catch {
        return false
      }
    })
    test.diagnostic(`refused by sigstore: ${tried.length - passing.length} of ${tried.length} flips`)
    // It looks at one signature of a checkpoint and at no certificate in a token.
    assert.ok(passing.length > 0 && passing.length < tried.length)
  })
})

/** A note with one bit of a signature changed, past name, key ID and time. */
function withSignature(note: string, line: number): string {
  const { text, signatures } = parseNote(note)
  const changed = signatures.map((one, i) =>
    i === line ? { ...one, signature: one.signature.with(-1, (one.signature.at(-1) ?? 0) ^ 1) } : one,
  )
  return formatNote({ text, signatures: changed })
}
