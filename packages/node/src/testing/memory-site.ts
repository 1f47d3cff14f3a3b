/**
 * Memory site: the log of a site in memory, with images that toys have sealed, for tests of what reads a log.
 *
 * The keys of the log are real, and so is the one whose signature of a seal it keeps. All others are toys.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { concatBytes } from '@fiducial/core/bytes/text.ts'
import { keysOfSigner, type LogSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import type { Seal } from '@fiducial/core/domain/seal/seal.ts'
import { certificatesOf, signSeal } from '@fiducial/core/domain/seal/sign.ts'
import type { AcquisitionStatement } from '@fiducial/core/domain/seal/statement.ts'
import { encodeFile, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text } from '@fiducial/core/formats/dicom/values.ts'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { NO_QUORUM, type WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import {
  device,
  deviceFacts,
  operator,
  toyCrypto,
  toyDescription,
  toyElements,
  toyHolderCertificate,
  toySigner,
  toyStatement,
} from '@fiducial/core/testing/toy-seal.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { type LogView, openLogView } from '../services/log/log-view.ts'
import { SiteLog, type SiteLogOptions } from '../services/log/site-log.ts'
import { createMemoryState, type MemoryLog, type MemoryState, openMemoryLog } from '../storage/log/memory.ts'
import { makeLogOptions, makeLogSigner } from './log-site.ts'

/** What a sealed image is called, and what else its statement says. */
export interface ToyImage extends Partial<AcquisitionStatement> {
  readonly uid?: string
  readonly study?: string
  /** Elements that are other ones. */
  readonly changes?: readonly NewElement[]
}

/** The seal of an image; each call makes another one. */
export async function makeToySeal({ uid, study, changes = [], ...statement }: ToyImage = {}): Promise<Seal> {
  const named = [
    ...(uid === undefined ? [] : [text(0x00080018, 'UI', uid)]),
    ...(study === undefined ? [] : [text(0x0020000d, 'UI', study)]),
  ]
  const file = { transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: toyElements([...named, ...changes]) }
  const bytes = concatBytes(...encodeFile(file))
  const description = toyDescription(parseDicom(memorySource(bytes)))
  const { hash } = nativeCrypto
  const digest = hash('sha256')
  digest.update(bytes)
  return signSeal({
    statement: toyStatement(description, { file: digest.digest(), salt: newSalt(), device: deviceThere, ...statement }),
    frames: description.frames,
    signers: { device: signingDevice, operator },
    hashes: toyCrypto.hash,
  })
}

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
/** The toy device, with a key of its statements that is real. */
const signingDevice = {
  ...device,
  statement: {
    ...toySigner(toyHolderCertificate('device', { name: 'Room 2', spki })),
    signMessage: async (message: Uint8Array) => new Uint8Array(sign(null, message, privateKey)),
  },
}
const deviceThere = { ...deviceFacts, certificates: certificatesOf(signingDevice, toyCrypto.hash) }

let salts = 0
function newSalt(): Uint8Array {
  const salt = new Uint8Array(16)
  new DataView(salt.buffer).setUint32(0, ++salts)
  return salt
}

/** A site with a log that nobody witnesses, and a clock that is set by hand. */
export class MemorySite {
  readonly state: MemoryState
  readonly ports: MemoryLog
  readonly signer: LogSigner
  readonly policy: WitnessPolicy
  now = new Date('2026-03-03T10:14:00Z')

  /** @param signer  shared by sites that are to be one log with two histories */
  constructor(signer: LogSigner = makeLogSigner()) {
    this.state = createMemoryState()
    this.ports = openMemoryLog(this.state)
    this.signer = signer
    this.policy = policyOf(signer)
  }

  /** Opens the log for appending. */
  async open(options: Partial<SiteLogOptions> = {}): Promise<SiteLog> {
    return SiteLog.open(openMemoryLog(this.state), {
      ...makeLogOptions(this.signer, { hasher: createHasher(nativeCrypto.hash), now: () => this.now }),
      random: (length) => concatBytes(newSalt(), new Uint8Array(Math.max(0, length - 16))).subarray(0, length),
      recorder: { id: 'log-1', name: 'Log' },
      isDemo: true,
      archive: { id: 'main', secret: new Uint8Array(32).fill(7) },
      authorities: [],
      timestampIntervalMs: 3_600_000,
      ...options,
    })
  }

  /** Opens the log, does something, and publishes it. */
  async fill<T>(steps: (site: SiteLog) => Promise<T>, options: Partial<SiteLogOptions> = {}): Promise<T> {
    const site = await this.open(options)
    const result = await steps(site)
    await site.close()
    return result
  }

  /** The log as somebody reads it now. */
  async view(policy: WitnessPolicy = this.policy): Promise<LogView> {
    const hasher = createHasher(nativeCrypto.hash)
    const view = await openLogView(this.ports, { crypto: nativeCrypto, hasher, policy })
    if (view === undefined) throw new TypeError('nothing is published yet')
    return view
  }
}

/** A policy that believes a log and asks for no witness. */
export const policyOf = (signer: LogSigner): WitnessPolicy => ({
  logs: keysOfSigner(signer).map((key) => ({ key })),
  witnesses: [],
  groups: [],
  quorum: NO_QUORUM,
})
