/**
 * Log contestants: logs that take the same entries and acknowledge them each in its way.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LogSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { nativeCrypto } from '../packages/node/src/keys/native-crypto.ts'
import { type LogOptions, openCustodyLog } from '../packages/node/src/services/log/custody-log.ts'
import type { LogPorts, NewEntry } from '../packages/node/src/services/log/ports.ts'
import { openFileLog } from '../packages/node/src/storage/log/file-log.ts'
import { makeLogSigner } from '../packages/node/src/testing/log-site.ts'
import { pause } from '../packages/node/src/wiring/pause.ts'

/** A log that is open. */
export interface OpenLog {
  append(entry: NewEntry): Promise<unknown>
  /** Resolves once nothing is left to do for what was acknowledged. */
  close(): Promise<void>
}

/** Calls a function with a new folder, which goes away afterwards. */
export async function inFolder<T>(step: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'fiducial-bench-log-'))
  try {
    return await step(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Options of a log as the command line has them, with keys of its own. */
export function benchOptions(signer: LogSigner = makeLogSigner()): LogOptions {
  return {
    crypto: nativeCrypto,
    hasher: createHasher(nativeCrypto.hash),
    signer,
    now: () => new Date(),
    pause,
  }
}

/** Ours, over the adapters that are handed in. */
export async function openOurs(
  ports: LogPorts & { close(): Promise<void> },
  signer: LogSigner = makeLogSigner(),
): Promise<OpenLog> {
  const log = await openCustodyLog(ports, benchOptions(signer))
  return {
    append: (entry) => log.append(entry),
    close: async () => {
      await log.close()
      await ports.close()
    },
  }
}

/** Ours, in a folder. */
export const openOursIn = async (folder: string): Promise<OpenLog> => openOurs(await openFileLog(join(folder, 'log')))
