/** Seal work: signs an image as device and technologist, and writes the sealed copy with its seal. */
import { randomBytes } from 'node:crypto'
import { existsSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import { parseSeal, type Seal } from '@fiducial/core/domain/seal/seal.ts'
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { findElement } from '@fiducial/core/formats/dicom/element.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { piecesOf } from '@fiducial/core/formats/dicom/splice.ts'
import { parseCertificate } from '@fiducial/core/formats/x509/certificate.ts'
import { describeFailure } from '../cli/failure.ts'
import type { Done, SealedImage, SealSettings, SealTask } from '../cli/work.ts'
import { createAuthority } from '../keys/embedded-authority.ts'
import { httpAuthority } from '../keys/http-authority.ts'
import type { HolderMaterial } from '../keys/key-ring.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { createSigner } from '../keys/signer.ts'
import { findExistingSeal, isOriginal } from '../services/existing-seal.ts'
import type { HolderKeys, QuoteCheckpoint, TimestampAuthority } from '../services/ports.ts'
import { prepareSeal, type SealDependencies } from '../services/seal-instance.ts'
import { type FileSource, openFileSource } from '../storage/file-source.ts'
import { PROOF_SUFFIX, SEAL_SUFFIX } from '../storage/find-inputs.ts'
import { loadWasm } from '../storage/wasm.ts'
import { writePair } from '../storage/write-pair.ts'
import { type MarkedImage, type Marking, openMarking } from './marking.ts'
import type { SealSetup } from './setup.ts'
import { readIfThere } from './verify-work.ts'

/** Pixel Data, Float Pixel Data, Double Float Pixel Data. */
const PIXELS = [0x7fe00010, 0x7fe00008, 0x7fe00009]

export type SealImage = (task: SealTask) => Promise<Done<SealTask, SealedImage>>

/** @throws {KeyError} if a key cannot be used, such as one in a token that is not there */
export async function openSealWork(setup: SealSetup): Promise<SealImage> {
  const { settings, isDemo } = setup
  const { clockOffsetMs = 0 } = settings
  const now = (): Date => new Date(Date.now() + clockOffsetMs)
  const authority = await openAuthority(setup, now)
  const marking = setup.mark && (await openMarking(setup.mark))
  const dependencies: SealDependencies = {
    crypto: nativeCrypto,
    codecs: createCodecs(loadWasm),
    random: (length) => new Uint8Array(randomBytes(length)),
    now,
    device: { id: settings.device, keys: await openKeys(setup.device) },
    operator: { id: staffNumberOf(setup.operator) ?? settings.operator, keys: await openKeys(setup.operator) },
    authority,
    isSeries: settings.isSeries,
    isDemo,
    ...(settings.logFolder !== undefined && { checkpoint: await openQuoting(settings.logFolder) }),
    ...(settings.hash !== undefined && { hash: settings.hash }),
  }
  return async (task) => {
    let bytes = 0
    try {
      using source = openFileSource(task.path)
      bytes = source.length
      const value =
        (await findEarlier(task, source, setup, marking)) ??
        (await sealImage(task, source, { dependencies, marking, settings }))
      return { task, bytes, value }
    } catch (error) {
      return { task, bytes, failure: describeFailure(error) }
    }
  }
}

/**
 * The newest checkpoint of a log that has its witnesses, as seals quote it. A log that cannot be read keeps nothing from
 * being sealed: the seal quotes nothing then, and says less about its time.
 */
export async function openQuoting(folder: string): Promise<QuoteCheckpoint> {
  const { openLogReader } = await import('../wiring/log-reader.ts')
  const { quoteCheckpoint } = await import('../services/log/recorder.ts')
  const reader = openLogReader(folder, { isPublicOnly: true })
  reader.catch(() => undefined)
  return async () => {
    try {
      const view = await (await reader).view()
      return view?.quorum.state === 'witnessed' ? quoteCheckpoint(view.checkpoint.note) : null
    } catch (error) {
      if (error instanceof StoreError || error instanceof KeyError || error instanceof FormatError) return null
      throw error
    }
  }
}

interface SealMeans {
  readonly dependencies: SealDependencies
  readonly marking: Marking | undefined
  readonly settings: Pick<SealSettings, 'isOverwriting'>
}

/** What is marked is on the disk, and its record stored, before anything is signed. */
async function sealImage(task: SealTask, source: FileSource, means: SealMeans): Promise<SealedImage> {
  const { marking, settings } = means
  if (marking === undefined) return signImage(task, source, source, means)
  if (!settings.isOverwriting && existsSync(task.target))
    throw new StoreError('output_exists', `${task.target} exists already`)
  using marked = await markIfPixels(marking, source, dirname(task.target))
  if (marked === undefined) return await signImage(task, source, source, means)
  const dependencies = { ...means.dependencies, mark: marked.claim }
  // Taken away once the work has ended, not when it has begun: hence the awaiting.
  return await signImage(task, source, marked.source, { ...means, dependencies })
}

/** Undefined for what has no pixels, such as a report beside the images: that is sealed as it is. */
async function markIfPixels(marking: Marking, source: FileSource, folder: string): Promise<MarkedImage | undefined> {
  try {
    return await marking.mark(source, folder)
  } catch (error) {
    if (error instanceof FormatError && error.code === 'pixels_absent') return undefined
    throw error
  }
}

/** @param source  as it was read @param image  what is signed: the same, or marked */
async function signImage(
  task: SealTask,
  source: FileSource,
  image: ByteSource,
  { dependencies, settings: { isOverwriting } }: SealMeans,
): Promise<SealedImage> {
  const { target } = task
  const prepared = await prepareSeal(image, dependencies)
  let seal: Uint8Array | undefined
  await writePair({
    path: target,
    pieces: piecesOf(prepared.segments),
    isOverwriting,
    seal: async (sha256) => {
      seal = await prepared.finish(sha256)
      if (source.hasChanged()) throw new StoreError('input_unreadable', `${task.path} changed while it was read`)
      return seal
    },
  })
  removeOldProof(target)
  return describe('sealed', target, parseSeal(seal as Uint8Array))
}

/** A proof that a log has what lay there before is none of what lies there now, and would speak against it. */
function removeOldProof(target: string): void {
  try {
    unlinkSync(`${target}${PROOF_SUFFIX}`)
  } catch {
    // There is none, or it cannot be removed: whoever records the image writes another one in its place.
  }
}

/** What an earlier run made of the same image, if that is still there and intact. */
async function findEarlier(
  { target }: SealTask,
  original: FileSource,
  { anchors, settings }: SealSetup,
  marking: Marking | undefined,
): Promise<SealedImage | undefined> {
  const seal = readIfThere(`${target}${SEAL_SUFFIX}`)
  if (seal === undefined || settings.isOverwriting) return undefined
  try {
    using copy = openFileSource(target)
    const files = marking === undefined ? { original, copy, seal } : { copy, seal }
    const found = findExistingSeal(files, { crypto: nativeCrypto, anchors, now: () => new Date() })
    const isSame = found !== undefined && (marking === undefined || (await isMarkedOf(original, copy, found, marking)))
    return isSame ? describe('already', target, found) : undefined
  } catch (error) {
    // No image, or one that cannot be read: writing it tells.
    if (error instanceof StoreError) return undefined
    throw error
  }
}

/**
 * Whether a sealed copy is what was made of an image: by marking it, as it had been marked before, or as it is where there are no
 * pixels to mark.
 */
async function isMarkedOf(original: FileSource, copy: FileSource, seal: Seal, marking: Marking): Promise<boolean> {
  if (seal.statement.mark === null) return !hasPixels(original) && isOriginal(original, seal, nativeCrypto)
  return isOriginal(original, seal, nativeCrypto) || (await marking.isOf(original, copy, seal))
}

const hasPixels = (source: FileSource): boolean =>
  PIXELS.some((tag) => findElement(parseDicom(source).dataSet.elements, tag) !== undefined)

function describe(state: SealedImage['state'], target: string, { statement, series }: Seal): SealedImage {
  const { sopInstanceUid, seriesInstanceUid } = statement.instance
  return {
    state,
    target,
    sopInstanceUid,
    seriesInstanceUid,
    sealedAt: statement.sealedAt.toISOString(),
    isSignedByOperator: statement.signatures.operator !== null || series !== null,
    markRecordId: statement.mark === null ? null : encodeHex(statement.mark.recordId),
  }
}

/** What the site calls a person by, where the certificate says. */
const staffNumberOf = ({ statement }: HolderMaterial): string | undefined =>
  parseCertificate(statement.certificate).subject.serialNumber

export async function openKeys({ dicom, statement, postQuantum }: HolderMaterial): Promise<HolderKeys> {
  return {
    dicom: await createSigner(dicom),
    statement: await createSigner(statement),
    postQuantum: await createSigner(postQuantum),
  }
}

export async function openAuthority(
  { settings, authority }: Pick<SealSetup, 'settings' | 'authority'>,
  now?: () => Date,
): Promise<TimestampAuthority> {
  if (settings.timestampUrl !== undefined) return httpAuthority(settings.timestampUrl)
  if (authority === undefined) throw new TypeError('neither an address nor a key of a timestamp authority')
  return createAuthority(await createSigner(authority), now)
}
