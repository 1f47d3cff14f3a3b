/**
 * Site log: makes and opens the custody log of a site: files and SQLite, keys of the ring, witnesses of the policy.
 */
import { randomBytes } from 'node:crypto'
import type { NoteSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { makeVerifierKey, type VerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { formatWitnessPolicy, NO_QUORUM, parseWitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { parseCertificate } from '@fiducial/core/formats/x509/certificate.ts'
import { embeddedAuthority } from '../keys/embedded-authority.ts'
import { httpAuthority } from '../keys/http-authority.ts'
import { type KeyRing, openKeyRing, type RingOptions } from '../keys/key-ring.ts'
import { createNoteSigner, publicKeyLength } from '../keys/log-signer.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { createSigner, type SignerMaterial } from '../keys/signer.ts'
import type { LogFacts, LogOrder, OpenSiteLog } from '../services/log/log-access.ts'
import { SiteLog, type SiteLogOptions } from '../services/log/site-log.ts'
import { createWitnessing } from '../services/log/witnessing.ts'
import { createLogFolder, readLogConfig, readMapSecret, readPolicyFile } from '../storage/log/log-config.ts'
import { logFolder } from './log-reader.ts'
import { type LogStorage, openLogStorage, parseBucket } from './log-storage.ts'
import { pause } from './pause.ts'

const ARCHIVE = 'main'
const TIMESTAMP_MINUTES = 60
const NAME_LIMIT = 59

/**
 * Makes a log: certifies its keys, and lays its folder down.
 * @throws {StoreError} `log_exists`, `output_unwritable`; {KeyError} from the ring; {RangeError} for an origin that is none
 * @throws {FormatError} `witness_policy_malformed`
 */
export async function createSiteLog(home: string, ring: KeyRing, order: LogOrder = {}): Promise<LogFacts> {
  const folder = logFolder(home)
  if (readLogConfig(folder) !== undefined) throw new StoreError('log_exists', 'there is a log already')
  const { origin = defaultOrigin(ring), timestampMinutes = TIMESTAMP_MINUTES, timestampUrls = [] } = order
  const { database, objects } = order
  if (objects !== undefined) parseBucket(objects)
  const given =
    order.policy === undefined
      ? { logs: [], witnesses: [], groups: [], quorum: NO_QUORUM }
      : parseWitnessPolicy(order.policy, nativeCrypto.hash)
  // Before a key is made for it.
  makeVerifierKey(origin, 'ed25519', new Uint8Array(32), nativeCrypto.hash)
  const { id: holder } = await ring.enrolLog({ name: origin.slice(0, NAME_LIMIT) })
  const keys = (await openSigners(ring, holder, origin)).map(({ key }) => key)
  const policy = { ...given, logs: [...given.logs, ...keys.map((key) => ({ key }))] }
  const config = {
    origin,
    holder,
    archive: ARCHIVE,
    isDemo: ring.isDemo,
    timestampMinutes,
    timestampUrls,
    ...(database !== undefined && { database }),
    ...(objects !== undefined && { objects }),
  }
  createLogFolder(folder, config, formatWitnessPolicy(policy, nativeCrypto.hash))
  return { ...config, folder, keys }
}

/** What a site has decided about its log, with its keys; undefined where it has none. @throws {StoreError} `log_corrupted` */
export function findSiteLog(home: string): LogFacts | undefined {
  const folder = logFolder(home)
  const config = readLogConfig(folder)
  if (config === undefined) return undefined
  const { logs } = parseWitnessPolicy(readPolicyFile(folder), nativeCrypto.hash)
  const keys = logs.map(({ key }) => key).filter(({ name }) => name === config.origin)
  return { ...config, folder, keys }
}

export interface OpenOptions extends RingOptions {
  /** How long to wait for another process that appends. Default: 30,000. */
  readonly waitMs?: number
  readonly signal?: AbortSignal
}

const WAIT_MS = 30_000
const LOOK_AGAIN_MS = 100

/**
 * Opens the log of a site for appending.
 * @throws {StoreError} `log_missing`; `log_locked` if another process appends for longer than one waits; what recovery says
 * @throws {KeyError} if the keys of the log cannot be used
 */
export async function openSiteLog(home: string, options: OpenOptions = {}): Promise<OpenSiteLog> {
  const facts = findSiteLog(home)
  if (facts === undefined) throw new StoreError('log_missing', 'there is no log yet')
  const ring = await openKeyRing(home, options)
  const policy = parseWitnessPolicy(readPolicyFile(facts.folder), nativeCrypto.hash)
  const [ed25519, mlDsa44] = await openSigners(ring, facts.holder, facts.origin)
  if (ed25519 === undefined || mlDsa44 === undefined) throw new TypeError('a log has two signers')
  const now = options.now ?? (() => new Date())
  const witnessing = createWitnessing({ policy, crypto: nativeCrypto, fetch, deadline: AbortSignal.timeout, now })
  const siteOptions = {
    crypto: nativeCrypto,
    hasher: createHasher(nativeCrypto.hash),
    signer: { origin: facts.origin, ed25519, mlDsa44 },
    now,
    pause,
    random: (length: number) => new Uint8Array(randomBytes(length)),
    recorder: { id: facts.holder, name: facts.origin },
    isDemo: facts.isDemo,
    archive: { id: facts.archive, secret: readMapSecret(facts.folder) },
    authorities: [await embeddedAuthority(ring, now), ...facts.timestampUrls.map((url) => httpAuthority(url))],
    timestampIntervalMs: facts.timestampMinutes * 60_000,
    ...(policy.quorum !== NO_QUORUM && {
      witnessing: {
        cosign: ({ note, prove }: { note: string; prove: (a: bigint, b: bigint) => Promise<readonly Uint8Array[]> }) =>
          witnessing.require({ checkpoint: note, prove }),
      },
    }),
  }
  // A sequencer that could not be claimed is closed: each attempt has ports of its own.
  const { site, ports } = await claim(() => openSite(facts, siteOptions), options)
  return {
    facts,
    policy,
    site,
    ports,
    async [Symbol.asyncDispose]() {
      try {
        await site.close()
      } finally {
        await ports.close()
      }
    },
  }
}

async function openSite(
  facts: LogFacts,
  options: SiteLogOptions,
): Promise<{ readonly site: SiteLog; readonly ports: LogStorage }> {
  const ports = await openLogStorage(facts)
  try {
    return { site: await SiteLog.open(ports, options), ports }
  } catch (error) {
    await ports.close().catch(() => undefined)
    throw error
  }
}

/** The two signers of a log: Ed25519 and ML-DSA-44, both under its origin. */
async function openSigners(ring: KeyRing, holder: string, origin: string): Promise<readonly NoteSigner[]> {
  const { statement, postQuantum } = await ring.logMaterial(holder)
  return [
    await openSigner(origin, 'ed25519', statement),
    await openSigner(origin, 'cosignature-ml-dsa-44', postQuantum),
  ]
}

/** A key in a file signs off the main thread; one in a token as the token does. */
async function openSigner(origin: string, type: VerifierKey['type'], material: SignerMaterial): Promise<NoteSigner> {
  if (material.kind === 'file') return createNoteSigner(origin, type, material.key, nativeCrypto.hash)
  const signer = await createSigner(material)
  const { spki } = parseCertificate(material.certificate)
  const key = makeVerifierKey(origin, type, spki.slice(-publicKeyLength(type)), nativeCrypto.hash)
  return { key, sign: (message) => signer.signMessage(message) }
}

/** `example-hospital-3f9a1c2b.fiducial.internal/log`: no other log has this name, and nothing need be found there. */
function defaultOrigin({ site, isDemo }: KeyRing): string {
  const slug = site
    .normalize('NFD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 30)
  const parts = [...(isDemo ? ['demo'] : []), ...(slug === '' ? [] : [slug]), randomBytes(4).toString('hex')]
  return `${parts.join('-')}.fiducial.internal/log`
}

/** Tries again for a while where another process holds the log. */
async function claim<T>(open: () => Promise<T>, { waitMs = WAIT_MS, signal }: OpenOptions): Promise<T> {
  const end = performance.now() + waitMs
  for (;;) {
    try {
      return await open()
    } catch (error) {
      const isLocked = error instanceof StoreError && error.code === 'log_locked'
      if (!isLocked || performance.now() >= end || signal?.aborted === true) throw error
    }
    await pause(LOOK_AGAIN_MS, signal ?? NEVER)
  }
}

const NEVER = new AbortController().signal
