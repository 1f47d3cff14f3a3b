/** Verify work: reads an image and the seal beside it, and has them judged. */

import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import { SEAL_LIMIT } from '@fiducial/core/domain/seal/seal.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { createEncoders } from '@fiducial/core/formats/codec/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import { TLOG_PROOF_LIMIT } from '@fiducial/core/formats/tlog/proof.ts'
import { describeFailure } from '../cli/failure.ts'
import { toVerifyRecord, type VerifyRecord } from '../cli/verify-record.ts'
import type { Done, VerifySettings, VerifyTask } from '../cli/work.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { InstanceLog, InstanceMarks } from '../services/ports.ts'
import { verifyInstance } from '../services/verify-instance.ts'
import type { WatchAnswer } from '../services/watch/watch-answer.ts'
import { openFileSource } from '../storage/file-source.ts'
import { PROOF_SUFFIX, SEAL_SUFFIX } from '../storage/find-inputs.ts'
import { SiteSeals } from '../storage/gateway/site-seals.ts'
import { loadWasm } from '../storage/wasm.ts'
import type { VerifySetup } from './setup.ts'

const SOP_INSTANCE_UID = 0x00080018

export type VerifyImage = (task: VerifyTask) => Promise<Done<VerifyTask, VerifyRecord>>

/** @throws {StoreError} {FormatError} if the log or a policy cannot be opened */
export async function openVerifyWork({ settings }: VerifySetup): Promise<VerifyImage> {
  const { anchors, policy } = settings
  const log = await openLogs(settings)
  const marks = await openMarks(settings)
  const findSeal = openSeals(settings)
  const askAdvice = await openWatch(settings)
  const dependencies = {
    anchors,
    policy,
    crypto: nativeCrypto,
    codecs: createCodecs(loadWasm),
    now: () => new Date(),
    ...(log && { log }),
    ...(marks && { marks }),
  }
  return async (task) => {
    let bytes = 0
    try {
      using source = openFileSource(task.path)
      bytes = source.length
      const seal = task.sealPath === undefined ? findSeal(task.path, source) : readAll(task.sealPath)
      const proof = log && readProof(`${task.path}${PROOF_SUFFIX}`)
      const input = { source, ...(seal !== undefined && { seal }), ...(proof !== undefined && { proof }) }
      const verified = await verifyInstance(input, dependencies)
      // One half of a file that changes meanwhile could have been indexed and the other one digested.
      if (source.hasChanged()) throw new StoreError('input_unreadable', `${task.path} changed while it was read`)
      const watchdog = await askAdvice?.(source)
      const record = { ...toVerifyRecord(task.label, verified), ...(watchdog && { watchdog }) }
      if (settings.isFileDigested !== true) return { task, bytes, value: record }
      return { task, bytes, value: { ...record, fileSha256: encodeHex(digestOfSource(source)) } }
    } catch (error) {
      return { task, bytes, failure: describeFailure(error) }
    }
  }
}

export type FindSeal = (path: string, source: ByteSource) => Uint8Array | undefined

/** Reads the seal beside an image, or the one that the gateway of this machine keeps of it. */
export function openSeals({ sealsOf }: Pick<VerifySettings, 'sealsOf'>): FindSeal {
  const kept = sealsOf === undefined ? undefined : new SiteSeals(sealsOf)
  return (path, source) => {
    const beside = readIfThere(`${path}${SEAL_SUFFIX}`)
    if (beside !== undefined || kept === undefined) return beside
    const uid = uidOf(source)
    const found = uid === undefined ? undefined : kept.find(uid)
    return found === undefined ? undefined : readIfThere(found)
  }
}

/** As the image has it; what is no image is told of by whoever verifies it. */
function uidOf(source: ByteSource): string | undefined {
  try {
    return textAt(parseDicom(source).dataSet, SOP_INSTANCE_UID)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** Whom to ask about images; undefined where there is nobody. */
export async function openLogs({ anchors, log, logPolicies = [] }: VerifySettings): Promise<InstanceLog | undefined> {
  const logs: InstanceLog[] = []
  const { instanceLogOf, openLogReader, readPolicy } = await import('../wiring/log-reader.ts')
  const policies = logPolicies.map(readPolicy)
  if (log !== undefined) {
    try {
      const reader = await openLogReader(log.folder)
      policies.push(reader.policy)
      const own = instanceLogOf(reader, { anchors, ownRoots: log.ownRoots })
      if (own !== undefined) logs.push(own)
    } catch (error) {
      if (!(error instanceof StoreError) && !(error instanceof FormatError)) throw error
      // A log that is there and cannot be read is evidence of its own, for each image.
      logs.push({ lookUp: () => Promise.reject(error) })
    }
  }
  if (policies.length + logs.length === 0) return undefined
  const { JoinedLogs, ProofLog } = await import('../services/log/proof-log.ts')
  return new JoinedLogs([...logs, new ProofLog(policies, nativeCrypto)])
}

/** Who reads marks; undefined where there is no key. */
export async function openMarks({ marks }: Pick<VerifySettings, 'marks'>): Promise<InstanceMarks | undefined> {
  if (marks === undefined) return undefined
  const { openMarkMeans } = await import('../wiring/mark.ts')
  const { SiteMarks } = await import('../services/mark/site-marks.ts')
  const { rememberRecords } = await import('../services/mark/remembered-records.ts')
  const means = openMarkMeans(marks.home)
  return new SiteMarks(marks, { ...means, records: rememberRecords(means.records, means.now) })
}

function digestOfSource(source: ByteSource): Uint8Array {
  const digest = nativeCrypto.hash('sha256')
  for (const chunk of source.chunks(0, source.length)) digest.update(chunk)
  return digest.digest()
}

/** A seal, whole. Of one that is longer than seals can be, as much as shows that. @throws {StoreError} */
export function readAll(path: string): Uint8Array {
  return readBeginning(path, SEAL_LIMIT)
}

/** The same where there is one. A seal of no bytes is a seal, and no good one. */
export function readIfThere(path: string): Uint8Array | undefined {
  return unlessMissing(() => readAll(path))
}

/**
 * A proof of which no byte can be read is none: whatever lies under its name beside an image must not keep the log from
 * being asked.
 */
export function readProof(path: string): Uint8Array | undefined {
  try {
    return unlessMissing(() => readBeginning(path, TLOG_PROOF_LIMIT))
  } catch (error) {
    if (error instanceof StoreError) return new Uint8Array(0)
    throw error
  }
}

/** No more than a parser takes, and one byte by which it sees that there is more. */
function readBeginning(path: string, limit: number): Uint8Array {
  using file = openFileSource(path)
  return file.view(0, Math.min(file.length, limit + 1))
}

function unlessMissing(read: () => Uint8Array): Uint8Array | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof StoreError && error.code === 'input_missing') return undefined
    if (error instanceof StoreError && error.code === 'input_empty') return new Uint8Array(0)
    throw error
  }
}

/** Undefined where the watchdog is not asked. */
async function openWatch({
  watchModel,
}: VerifySettings): Promise<((source: ByteSource) => Promise<WatchAnswer>) | undefined> {
  if (watchModel === undefined) return undefined
  const { openWatchModel } = await import('../wiring/watch.ts')
  const { askWatchdog } = await import('../services/watch/watch-answer.ts')
  const model = await openWatchModel('', watchModel)
  const means = { codecs: createCodecs(loadWasm), encoders: createEncoders(loadWasm) }
  return (source) => askWatchdog(parseDicom(source), model, means)
}
