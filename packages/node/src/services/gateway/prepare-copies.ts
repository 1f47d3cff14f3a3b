/**
 * Prepare copies: makes what a route wants sent instead of the bytes that came: the sealed copy, and derived ones.
 *
 * Each copy is a file of its own in the spool. Derived copies are made of the sealed one, where there is such, so that the
 * signed chain goes on. Runs in a thread of the examiner.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import type { DeidentifyProfile } from '@fiducial/core/domain/deidentify/profile.ts'
import type { CopyOrder, CopyResult, MadeSeal, Preparation } from '@fiducial/core/domain/gateway/judgement.ts'
import type { Passes } from '@fiducial/core/domain/signature/digest.ts'
import type { TranscodeTarget } from '@fiducial/core/domain/transcode/target.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { Codecs } from '@fiducial/core/formats/codec/codec.ts'
import { piecesOf, type Segment } from '@fiducial/core/formats/dicom/splice.ts'
import { describeImage } from '../log/describe-image.ts'
import { type Arrival, type GatewaySealDependencies, prepareGatewaySeal } from '../seal-at-gateway.ts'
import type { Spool, SpooledBytes } from './ports.ts'

/** A file that was made of another one. */
export interface DerivedFile {
  readonly segments: readonly Segment[]
  /** `transcoded`: the same picture in another spelling. */
  readonly kind: 'transcoded' | 'derived'
  /** What was done, in a word. */
  readonly method: string
}

/** What is asked of a derived copy. */
export interface DerivationOrder {
  /** Null for a copy with all its names. */
  readonly profile: DeidentifyProfile | null
  readonly transcode: TranscodeTarget | null
}

/** Makes a derived file. @throws {FormatError} where it cannot be made without loss, or not safely */
export type Derive = (source: ByteSource, order: DerivationOrder) => Promise<DerivedFile>

export interface PrepareDependencies {
  readonly crypto: Crypto
  readonly codecs: Codecs
  readonly spool: Spool
  /** Keeps seal files, for good. */
  readonly seals: Spool
  /** Absent where the gateway has no key: then nothing is sealed, and that is a trouble. */
  readonly sealing?: GatewaySealDependencies
  readonly derive: Derive
}

export interface PrepareInput {
  readonly source: ByteSource
  readonly sha256: Uint8Array
  /** SHA-256 of its decoded frames, as it was described; null where it was not. */
  readonly pixels: Uint8Array | null
  /** Over the data set, made when it was examined. */
  readonly passes?: Passes
  readonly arrival: Arrival | null
  /** Key of the source where its seal is to stand beside it; null where a copy is to have it. */
  readonly besideKey: string | null
  readonly orders: readonly CopyOrder[]
  readonly profiles: Readonly<Record<string, DeidentifyProfile>>
}

/** Code of a gateway that is asked for a seal and has no key. */
export const NO_KEY = 'key_missing'

/**
 * Makes the copies.
 * @throws {StoreError} `spool_unwritable`, `spool_full`; {KeyError} from signers that are not there
 */
export async function prepareCopies(input: PrepareInput, dependencies: PrepareDependencies): Promise<Preparation> {
  const { source, arrival, orders } = input
  const { sealed, sealFailure } = arrival === null ? UNSEALED : await seal(input, arrival, dependencies)
  if (orders.length === 0) return { sealed, sealFailure, copies: [] }
  if (sealed === null) return { sealed, sealFailure, copies: await derive(source, input, dependencies) }
  await using copy = await dependencies.spool.open(sealed.spoolKey)
  return { sealed, sealFailure, copies: await derive(copy, input, dependencies) }
}

type Sealing = Pick<Preparation, 'sealed' | 'sealFailure'>
const UNSEALED: Sealing = { sealed: null, sealFailure: null }

async function seal(input: PrepareInput, arrival: Arrival, dependencies: PrepareDependencies): Promise<Sealing> {
  const { crypto, spool, seals, sealing } = dependencies
  if (sealing === undefined) return { sealed: null, sealFailure: NO_KEY }
  try {
    const { sha256: file, pixels, passes, besideKey } = input
    const isBeside = besideKey !== null
    const prepared = await prepareGatewaySeal(input.source, sealing, arrival, {
      ...{ file, pixels, isBeside },
      ...(passes && { passes }),
    })
    // Somebody who stands nearer to the device has signed it.
    if (prepared === undefined) return UNSEALED
    const { segments, finish, certificate } = prepared
    const copy = isBeside
      ? { key: besideKey, sha256: file, durable: Promise.resolve() }
      : write(spool, piecesOf(segments))
    const [bytes] = await allOrNone([finish(copy.sha256), copy.durable] as const)
    const written = write(seals, [bytes])
    await written.durable
    const sha = (value: Uint8Array): Uint8Array => digestOf(crypto.hash, 'sha256', value)
    const sealed: MadeSeal = {
      spoolKey: copy.key,
      sealKey: written.key,
      sha256: copy.sha256,
      seal: written.sha256,
      certificate: sha(certificate),
    }
    return { sealed, sealFailure: null }
  } catch (error) {
    if (error instanceof FormatError) return { sealed: null, sealFailure: error.code }
    throw error
  }
}

async function derive(
  source: ByteSource,
  { orders, profiles }: PrepareInput,
  { crypto, codecs, spool, derive: make }: PrepareDependencies,
): Promise<readonly CopyResult[]> {
  const results: CopyResult[] = []
  for (const { deidentify, transcode } of orders) {
    const order = { deidentify, transcode }
    try {
      const profile = deidentify === null ? null : profileOf(profiles, deidentify)
      const { segments, kind, method } = await make(source, { profile, transcode })
      const { key, sha256, durable } = write(spool, piecesOf(segments))
      await durable
      await using copy = await spool.open(key)
      const description = await describeImage(copy, { crypto, codecs })
      const { sopClassUid, sopInstanceUid, transferSyntaxUid } = description.instance
      if (sopClassUid === null || sopInstanceUid === null || transferSyntaxUid === null) {
        throw new FormatError('dicom_element_malformed', 'the copy has no name to be sent under')
      }
      const names = { sopClassUid, sopInstanceUid, transferSyntaxUid }
      results.push({ ...order, ...names, outcome: 'made', spoolKey: key, description, sha256, kind, method })
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      results.push({ ...order, outcome: 'failed', code: error.code })
    }
  }
  return results
}

function profileOf(profiles: Readonly<Record<string, DeidentifyProfile>>, name: string): DeidentifyProfile {
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined
  if (profile === undefined) throw new FormatError('routes_malformed', 'a route names a profile that is not there')
  return profile
}

interface Written {
  readonly key: string
  readonly sha256: Uint8Array
  readonly durable: Promise<SpooledBytes>
}

function write(spool: Spool, pieces: Iterable<Uint8Array>): Written {
  const writer = spool.create()
  try {
    for (const piece of pieces) writer.write(piece)
    const { sha256 } = writer.finish()
    return { key: writer.key, sha256, durable: writer.commit() }
  } catch (error) {
    writer.abort().catch(() => undefined)
    throw error
  }
}

/** Waits for all, so that none is left under way, and then throws the first failure. */
async function allOrNone<T extends readonly unknown[]>(
  promises: T,
): Promise<{ -readonly [I in keyof T]: Awaited<T[I]> }> {
  await Promise.allSettled(promises)
  return Promise.all(promises) as Promise<{ -readonly [I in keyof T]: Awaited<T[I]> }>
}
