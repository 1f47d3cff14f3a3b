/**
 * Witness: a witness of other logs on this machine: its keys and its record in a folder of its own, its face by HTTP.
 *
 *     witness.json, *.key.pem       name and keys; see keys/witness-keys.ts
 *     record.sqlite                 what it has cosigned, and evidence
 *     split-views/ID.json           the same evidence, a file for each piece, to be handed on
 *
 * A witness that forgets what it has cosigned can be made to vouch for two histories. So an empty record is made together
 * with the keys, and after that only by who asks for it.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { NoteSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import {
  formatSplitView,
  judgeSplitView,
  type SplitView,
  type SplitViewFinding,
  splitViewId,
} from '@fiducial/core/domain/log/split-view.ts'
import type { WatchedLog } from '@fiducial/core/domain/log/witness.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { VerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { type ServerOptions, startServer } from '../http/server.ts'
import { witnessFace } from '../http/witness-face.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { createWitnessFolder, readWitnessName, readWitnessSigners } from '../keys/witness-keys.ts'
import type { Evidence, WitnessStore } from '../services/log/ports.ts'
import { createWitness } from '../services/log/witness-service.ts'
import { openWitnessStore } from '../storage/log/witness-store.ts'
import { writeFileAtomically } from '../storage/write-file.ts'

export interface WitnessOrder extends ServerOptions {
  readonly folder: string
  readonly passphrase?: string | undefined
  readonly logs: readonly WatchedLog[]
  /** Begin with an empty record, though there are keys. */
  readonly isNew: boolean
  /**
   * Told of each piece of evidence once, after it is on record.
   * @param path  of the file with it; undefined where that could not be written
   */
  readonly onEvidence: (view: SplitView, finding: SplitViewFinding, path: string | undefined) => void
  readonly now?: () => Date
}

/** A witness that runs; disposing of it lets running requests end. */
export interface RunningWitness extends AsyncDisposable {
  readonly url: string
  readonly keys: readonly VerifierKey[]
}

const recordPath = (folder: string): string => join(folder, 'record.sqlite')

/** Makes a witness: keys, and an empty record. @throws as {@link createWitnessFolder}; {StoreError} `log_unwritable` */
export function makeWitness(folder: string, name: string, passphrase?: string): Promise<void> {
  return createWitnessFolder(folder, { name, passphrase }, (building) =>
    openWitnessStore(recordPath(building), { mayCreate: true }).close(),
  )
}

/** Keys that a witness cosigns with. @throws {StoreError} `log_missing`; {KeyError} as {@link readWitnessSigners} */
export function readWitnessKeys(folder: string, passphrase?: string): readonly VerifierKey[] {
  return openSigners(folder, passphrase).map(({ key }) => key)
}

/**
 * Runs a witness.
 * @throws {KeyError} as {@link readWitnessSigners}
 * @throws {StoreError} `log_missing` where its record is gone; `log_exists` where it is to begin anew and has one;
 *   `log_corrupted`, `log_unwritable`; `service_refused`
 * @throws {RangeError} for logs that it cannot watch; see createWitness
 */
export async function startWitness(order: WitnessOrder): Promise<RunningWitness> {
  const { folder, passphrase, logs, now = () => new Date(), onEvidence } = order
  const signers = openSigners(folder, passphrase)
  const store = openRecord(folder, order.isNew)
  try {
    for (const { origin } of logs) for (const piece of await store.evidence(origin)) fileEvidence(folder, piece)
    const witness = createWitness({
      logs,
      signers,
      store,
      crypto: nativeCrypto,
      now,
      onEvidence(view) {
        const keys = logs.find(({ origin }) => origin === view.origin)?.keys ?? []
        const piece = { id: splitViewId(view, nativeCrypto.hash), document: formatSplitView(view) }
        onEvidence(view, judgeSplitView(view, keys, nativeCrypto), tryToFile(folder, piece))
      },
    })
    const server = await startServer([witnessFace(witness)], order)
    return {
      url: server.url,
      keys: witness.keys,
      async [Symbol.asyncDispose]() {
        await server.close()
        await store.close()
      },
    }
  } catch (error) {
    await store.close()
    throw error
  }
}

function openSigners(folder: string, passphrase: string | undefined): readonly NoteSigner[] {
  const name = readWitnessName(folder)
  if (name === undefined) throw new StoreError('log_missing', 'there is no witness in this folder')
  return readWitnessSigners(folder, name, { passphrase, hashes: nativeCrypto.hash })
}

function openRecord(folder: string, isNew: boolean): WitnessStore {
  const path = recordPath(folder)
  if (isNew && existsSync(path)) throw new StoreError('log_exists', 'the witness has a record already')
  if (!isNew && !existsSync(path)) {
    throw new StoreError('log_missing', 'the record of the witness is gone, and with it what it has promised')
  }
  return openWitnessStore(path, { mayCreate: isNew })
}

/** The record has it; a file that could not be written is written at the next start. */
function tryToFile(folder: string, piece: Piece): string | undefined {
  try {
    return fileEvidence(folder, piece)
  } catch (error) {
    if (error instanceof StoreError) return undefined
    throw error
  }
}

type Piece = Pick<Evidence, 'id' | 'document'>

/** A file with evidence, unless it is there. @throws {StoreError} `output_unwritable` */
function fileEvidence(folder: string, { id, document }: Piece): string {
  const path = join(folder, 'split-views', `${id}.json`)
  if (existsSync(path)) return path
  try {
    mkdirSync(dirname(path), { recursive: true })
  } catch (cause) {
    throw new StoreError('output_unwritable', 'the folder for evidence cannot be made', { cause })
  }
  writeFileAtomically(path, [document], { isOverwriting: true })
  return path
}
