/**
 * Log reader: a log of this machine for those who only read: what it publishes, and what stands beside it.
 *
 * Takes no lock and disturbs no writer. The same for the site's own log and for a copy of another one's public folder,
 * which has no records.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import type { GatewaySealMark, SealLeaf } from '@fiducial/core/domain/log/logged-instance.ts'
import { parseStatement } from '@fiducial/core/domain/seal/statement.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import type { ExpectedInstance } from '@fiducial/core/domain/verdict/judge-study.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { parseWitnessPolicy, type WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { ConsultedInstanceLog } from '../services/log/instance-log.ts'
import type { LogReader } from '../services/log/log-access.ts'
import { TimestampedLog } from '../services/log/log-times.ts'
import { type LogView, openLogView } from '../services/log/log-view.ts'
import { knownInstances } from '../services/log/study-instances.ts'
import type { InstanceLog } from '../services/ports.ts'
import { FileCheckpointCell } from '../storage/log/file-checkpoint-cell.ts'
import { isFileLog, privateFolder } from '../storage/log/file-log.ts'
import { FileObjects } from '../storage/log/file-objects.ts'
import { openRecordReader } from '../storage/log/file-records.ts'
import { readLogConfig, readPolicyFile } from '../storage/log/log-config.ts'

/** The folder of a site's log. */
export const logFolder = (home: string): string => join(home, 'log')

/** Whether a site has a log. */
export const hasLog = (home: string): boolean => existsSync(privateFolder(logFolder(home)))

export interface ReaderOptions {
  /** Whom to believe, where it is not the policy that lies beside the log. */
  readonly policy?: WitnessPolicy
  /** Leaves the records alone, for those who only want checkpoints and tiles. */
  readonly isPublicOnly?: boolean
}

/**
 * Opens a log for reading.
 * @throws {StoreError} `log_missing` if there is none; `log_corrupted`
 * @throws {FormatError} `witness_policy_malformed`, `verifier_key_malformed`
 */
export async function openLogReader(folder: string, options: ReaderOptions = {}): Promise<LogReader> {
  if (!existsSync(folder)) throw new StoreError('log_missing', 'there is no log')
  const policy = options.policy ?? parseWitnessPolicy(readPolicyFile(folder), nativeCrypto.hash)
  const hasher = createHasher(nativeCrypto.hash)
  const { objects, published, records, close } = await openPorts(folder, options)
  const viewOptions = { crypto: nativeCrypto, hasher, policy }
  let last: LogView | undefined
  return {
    folder,
    policy,
    objects,
    published,
    hasher,
    records,
    async view() {
      // The same checkpoint again: it is signed as it was, and what was read for it is still there.
      if (last !== undefined && (await published.read()) === last.checkpoint.note) return last
      const view = await openLogView({ objects, published }, viewOptions)
      if (view !== undefined) last = view
      return view
    },
    [Symbol.asyncDispose]: close,
  }
}

type ReaderPorts = Pick<LogReader, 'objects' | 'published' | 'records'> & { close(): Promise<void> }

/** The ports of a log for reading, wherever it lies. */
async function openPorts(folder: string, { isPublicOnly = false }: ReaderOptions): Promise<ReaderPorts> {
  const config = readLogConfig(folder)
  if (config?.database !== undefined) {
    const { openLogStorage } = await import('./log-storage.ts')
    const { objects, published, records, close } = await openLogStorage({ ...config, folder, keys: [] })
    return { objects, published, records: isPublicOnly ? undefined : records, close }
  }
  const hidden = privateFolder(folder)
  const hasRecords = !isPublicOnly && isFileLog(folder) && existsSync(join(hidden, 'index.sqlite'))
  const records = hasRecords ? await openRecordReader(hidden) : undefined
  return {
    objects: new FileObjects(folder),
    published: new FileCheckpointCell(join(folder, 'checkpoint'), join(hidden, 'checkpoint.lock')),
    records,
    close: async () => records?.close(),
  }
}

/** SHA-256 of the root certificate that the maker of a seal stands under, hexadecimal; empty where it names none. */
function rootOf(seal: SealLeaf | GatewaySealMark): string {
  if (!('payload' in seal)) return seal.root === undefined ? '' : encodeHex(seal.root)
  try {
    const root = parseStatement(seal.payload).device.certificates.statement.at(-1)
    return root === undefined ? '' : encodeHex(root)
  } catch (error) {
    if (error instanceof FormatError) return ''
    throw error
  }
}

/**
 * What a log says about images; undefined for one without records.
 * @param ownRoots  SHA-256 of the root certificates of the site, hexadecimal: seals under others need not be in its log
 */
export function instanceLogOf(
  reader: LogReader,
  { anchors, ownRoots }: { readonly anchors: TrustAnchors; readonly ownRoots: readonly string[] },
): InstanceLog | undefined {
  const { records, policy } = reader
  if (records === undefined) return undefined
  let times: { readonly view: LogView; readonly times: TimestampedLog } | undefined
  return new ConsultedInstanceLog({
    crypto: nativeCrypto,
    records,
    view: () => reader.view(),
    times: (view) => {
      if (times?.view !== view)
        times = { view, times: new TimestampedLog(view, { crypto: nativeCrypto, anchors, records }) }
      return times.times
    },
    origin: policy.logs[0]?.key.name ?? '',
    isOurs: (seal) => ownRoots.includes(rootOf(seal)),
  })
}

/** A C2SP tlog-policy. @throws {FormatError} `witness_policy_malformed`, `verifier_key_malformed` */
export const readPolicy = (bytes: Uint8Array): WitnessPolicy => parseWitnessPolicy(bytes, nativeCrypto.hash)

/** The images of a study that a log knows; none for a log without records. @throws {StoreError} `log_corrupted` */
export async function knownInstancesOf(
  reader: LogReader,
  studyInstanceUid: string,
): Promise<readonly ExpectedInstance[]> {
  const view = await reader.view()
  const { records } = reader
  if (view === undefined || records === undefined) return []
  return knownInstances(studyInstanceUid, view, { records, crypto: nativeCrypto })
}
