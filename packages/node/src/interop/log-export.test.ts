/**
 * A log of a site, exported and verified elsewhere: by Sigstore's own verifier and by ours, with nothing but the files.
 *
 * The log is a real one, with sealed images and events about them; an export of it is what docs/how-to/export-the-log.md
 * hands over.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { decodeUtf8, encodeUtf8, joinBytes } from '@fiducial/core/bytes/text.ts'
import { formatAuditMessage } from '@fiducial/core/domain/log/audit-message.ts'
import { hintOf } from '@fiducial/core/domain/log/bundle.ts'
import { readTrustedRoot } from '@fiducial/core/domain/log/bundle-trust.ts'
import { type BundleReport, type BundleTrust, verifyBundle } from '@fiducial/core/domain/log/bundle-verify.ts'
import { readEntry, signedBytes } from '@fiducial/core/domain/log/entry.ts'
import { keysOfSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { verifyLoggedStatement } from '@fiducial/core/domain/log/verify-entry.ts'
import { parseSeal } from '@fiducial/core/domain/seal/seal.ts'
import { parseStatement } from '@fiducial/core/domain/seal/statement.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { createWasmHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { parseVerifierKey, spkiOfVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { parseSigstoreBundle } from '@fiducial/core/formats/sigstore/bundle.ts'
import { parseWitnessPolicy, type WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { parseTlogProof } from '@fiducial/core/formats/tlog/proof.ts'
import { parseCertificate } from '@fiducial/core/formats/x509/certificate.ts'
import { toyEvent } from '@fiducial/core/testing/toy-events.ts'
import { toyElements } from '@fiducial/core/testing/toy-seal.ts'
import { bundleFromJSON } from '@sigstore/bundle'
import { PublicKeyDetails, TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { embeddedAuthority } from '../keys/embedded-authority.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { formatCertificate } from '../keys/ring-folder.ts'
import { factsOfAcquisition } from '../services/log/acquired-facts.ts'
import { openCustodyLog } from '../services/log/custody-log.ts'
import { exportLog } from '../services/log/export-log.ts'
import { openLogView } from '../services/log/log-view.ts'
import { Recorder } from '../services/log/recorder.ts'
import { type MemoryLog, openMemoryLog } from '../storage/log/memory.ts'
import { makeLogOptions, makeLogSigner } from '../testing/log-site.ts'
import { openssl, runOpenssl } from '../testing/openssl-ca.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { createSealingSite, random, type SealingSite } from './sealing-site.ts'

const { hash } = nativeCrypto
const EVENTS = ['received', 'verified', 'transcoded', 'forwarded', 'flagged', 'disclosed', 'key-enrolled'] as const
/** Index of an entry whose statement is erased before the export: the one of `forwarded`. */
const ERASED = 5n

/** Files by name, as a folder would hold them. */
type Folder = ReadonlyMap<string, Uint8Array>

async function fillLog(site: SealingSite, signer: ReturnType<typeof makeLogSigner>): Promise<MemoryLog> {
  const ports = openMemoryLog()
  const log = await openCustodyLog(ports, makeLogOptions(signer))
  const recorder = new Recorder(log, {
    crypto: nativeCrypto,
    random,
    now: () => new Date(),
    signer: signer.ed25519,
    recorder: { id: 'gateway-1', name: 'Gateway' },
    isDemo: true,
  })
  for (const number of [1, 2]) {
    const pixels = { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(96).fill(number) } as const
    const file = encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: toyElements([pixels]) })
    const { seal } = await site.seal(joinBytes([...file]))
    await recorder.recordSeal(parseSeal(seal))
  }
  for (const type of EVENTS) await recorder.record({ ...toyEvent(type), at: new Date() })
  await log.close()
  await ports.records.erase(ERASED)
  return ports
}

describe('an export of a log', () => {
  const signer = makeLogSigner()
  const policy: WitnessPolicy = {
    logs: keysOfSigner(signer).map((key) => ({ key })),
    witnesses: [],
    groups: [],
    quorum: 'none',
  }
  let site: SealingSite
  let folder: Folder
  before(async () => {
    site = await createSealingSite(temporaryFolder())
    const ports = await fillLog(site, signer)
    const { certificate, chain } = await site.ring.timestampSigner()
    const authority = await embeddedAuthority(site.ring)
    const view = await openLogView(ports, { crypto: nativeCrypto, hasher: createWasmHasher(), policy })
    const files = exportLog(
      {
        view: view ?? assert.fail(),
        records: ports.records,
        authorities: [{ authority, chain: [certificate, ...chain].map(parseCertificate) }],
      },
      {},
      { crypto: nativeCrypto, policy, validFrom: new Date(0) },
    )
    const written = new Map<string, Uint8Array>()
    for await (const { name, bytes } of files) written.set(name, joinBytes([written.get(name) ?? NOTHING, bytes]))
    folder = written
  })
  const NOTHING = new Uint8Array(0)
  const file = (name: string): Uint8Array => folder.get(name) ?? assert.fail(`no ${name}`)
  const bundles = (): readonly string[] => [...folder.keys()].filter((name) => name.endsWith('.sigstore.json'))
  /** Of the device, which others have to get from its certificate. */
  const deviceSpki = (): Uint8Array => parseCertificate(site.device.keys.statement.certificate).spki

  /** What the files of the export say whom to believe, and the device's key. */
  function readTrust(): BundleTrust {
    const keys = decodeUtf8(file('log-keys.txt'))
      .trimEnd()
      .split('\n')
      .map((line) => parseVerifierKey(line, hash))
    const { anchors } = readTrustedRoot(file('trusted_root.json'), hash)
    const read = parseWitnessPolicy(file('policy'), hash)
    return { keys, policy: read, anchors, signers: [deviceSpki()], wantsTime: true }
  }

  const verifyHere = (bundle: Uint8Array, trust = readTrust()): BundleReport =>
    verifyBundle(bundle, trust, nativeCrypto)

  /** Sigstore's verifier, with the same. */
  function verifyThere(bundle: Uint8Array): void {
    const keys = [spkiOfVerifierKey(signer.ed25519.key), deviceSpki()].map((spki) => [
      hintOf(spki, hash),
      { rawBytes: Buffer.from(spki), keyDetails: PublicKeyDetails.PKIX_ED25519 },
    ])
    const root = TrustedRoot.fromJSON(JSON.parse(decodeUtf8(file('trusted_root.json'))))
    const verifier = new Verifier(toTrustMaterial(root, Object.fromEntries(keys)), {
      tlogThreshold: 1,
      timestampThreshold: 1,
      ctlogThreshold: 0,
    })
    verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(decodeUtf8(bundle)))))
  }

  it('has a bundle for each event that was not erased', () => {
    assert.equal(bundles().length, 2 + EVENTS.length - 1)
    const types = decodeUtf8(file('index.jsonl'))
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type?: string | null }).type)
    const expected = ['acquired', 'acquired', ...EVENTS.map((type) => (type === 'forwarded' ? null : type)), undefined]
    assert.deepEqual(types, expected)
  })

  it('is verified by sigstore offline, bundle by bundle', () => {
    for (const name of bundles()) assert.doesNotThrow(() => verifyThere(file(name)), name)
  })

  it('is verified by ours, with every check', () => {
    for (const name of bundles()) {
      const report = verifyHere(file(name))
      assert.deepEqual(
        report.checks.filter(({ outcome }) => outcome !== 'holds'),
        [],
        name,
      )
      assert.equal(report.outcome, 'holds')
    }
  })

  it('is verified by openssl, as the guide has it', { skip: openssl.skip }, async () => {
    const here = temporaryFolder()
    const write = (name: string, bytes: Uint8Array): string => {
      writeFileSync(join(here, name), bytes)
      return join(here, name)
    }
    for (const name of bundles()) {
      const { envelope, body, timestamps } = parseSigstoreBundle(file(name))
      const signed = write('signed.bin', signedBytes(envelope.payload))
      const signature = write('signature.bin', envelope.signatures[0]?.sig ?? assert.fail())
      const key = write('signer.der', readEntry(body).spki)
      const response = write('response.tsr', timestamps[0] ?? assert.fail())
      const { anchors } = readTrustedRoot(file('trusted_root.json'), hash)
      const root = write('root.pem', encodeUtf8(formatCertificate(anchors.roots[0]?.bytes ?? assert.fail())))
      const asKey = ['-verify', '-pubin', '-keyform', 'DER', '-inkey', key, '-rawin', '-in', signed]
      await runOpenssl(['pkeyutl', ...asKey, '-sigfile', signature])
      await runOpenssl(['ts', '-verify', '-data', signature, '-in', response, '-CAfile', root])
    }
  })

  it('proves that what was erased had been there', () => {
    const name = `events/${String(ERASED).padStart(20, '0')}`
    assert.ok(!folder.has(`${name}.sigstore.json`))
    const { index, hashes: proof, checkpoint } = parseTlogProof(file(`${name}.tlog-proof`))
    const leaf = file(`${name}.leaf`)
    const trust = { keys: keysOfSigner(signer), policy }
    const report = verifyLoggedStatement({ payload: null, leaf, index, proof, checkpoint }, trust, nativeCrypto)
    const open = report.checks.flatMap((check) =>
      check.outcome === 'holds' ? [] : [`${check.subject} ${check.reason}`],
    )
    assert.deepEqual(open, ['statement statement_absent', 'signature statement_absent'])
    assert.equal(readEntry(leaf).keyDetails, 'PKIX_ED25519')
  })

  it('is refused by both with the statement of another event', () => {
    const [one, other] = bundles().map((name) => JSON.parse(decodeUtf8(file(name))) as { dsseEnvelope: object })
    const mixed = Buffer.from(JSON.stringify({ ...one, dsseEnvelope: other?.dsseEnvelope }))
    assert.throws(() => verifyThere(mixed))
    assert.equal(verifyHere(new Uint8Array(mixed)).outcome, 'fails')
  })

  it('is refused by ours with any byte of a bundle flipped', (test) => {
    // The largest are those of sealed images; a verification of one is some milliseconds, mostly of its JSON.
    const [smallest] = bundles()
      .map(file)
      .sort((a, b) => a.length - b.length)
    const bytes = smallest ?? assert.fail()
    const trust = readTrust()
    const accepted = Array.from(bytes.keys()).filter(
      (at) => verifyHere(bytes.with(at, (bytes[at] as number) ^ 1), trust).outcome === 'holds',
    )
    assert.deepEqual(accepted, [])
    test.diagnostic(`${bytes.length} bytes, ${bytes.length - accepted.length} flips refused`)
  })

  it('gives audit trails what an acquisition says, and nothing of the patient', () => {
    const { envelope } = parseSigstoreBundle(file(bundles()[0] ?? assert.fail()))
    const statement = parseStatement(envelope.payload)
    const facts = factsOfAcquisition(statement)
    assert.equal(facts.at, statement.sealedAt)
    assert.equal(facts.digests.file, statement.file)
    assert.deepEqual(facts.digests.frames, { count: 2n, root: statement.pixels?.root })
    assert.equal(facts.device.name, 'Room 2')
    assert.equal(facts.operator.name, 'Kim Lee')
    const message = formatAuditMessage(facts, { origin: 'log.example/test', index: 0n })
    // Name and ID of the patient in the image.
    for (const secret of ['Example^Patient', 'P-1', 'Mueller^Aenne']) assert.ok(!message.includes(secret))
    assert.ok(message.includes(statement.instance.studyInstanceUid ?? assert.fail()))
  })
})
