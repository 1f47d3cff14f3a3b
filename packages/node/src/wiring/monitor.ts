/**
 * Monitor: compares what is shown of a log by addresses and in folders of this machine, and remembers it.
 *
 * What it has seen is kept in one small database a log: the same address may show another log one day.
 */
import { mkdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { StoreError } from '@fiducial/core/errors.ts'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import type { VerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { LogSource } from '../services/log/mirror.ts'
import { createMonitor, type Monitor } from '../services/log/monitor.ts'
import type { Fetch } from '../services/log/remote.ts'
import { originId } from '../services/log/witness-service.ts'
import { openFileSource } from '../storage/file-source.ts'
import { openSightingStore } from '../storage/log/sighting-store.ts'

export interface MonitorOrder {
  readonly origin: string
  readonly keys: readonly VerifierKey[]
  /** Each once; of a folder the address that {@link addressOfFolder} gives. */
  readonly sources: readonly LogSource[]
  /** Where it keeps what it has seen; made where it is missing. */
  readonly folder: string
  readonly now?: () => Date
}

/** Disposing of it closes its memory. */
export interface OpenMonitor extends AsyncDisposable, Monitor {}

/** @throws {StoreError} `log_corrupted`, `log_unwritable` for its memory; {RangeError} as createMonitor */
export async function openMonitor(order: MonitorOrder): Promise<OpenMonitor> {
  const { origin, keys, sources, folder, now = () => new Date() } = order
  const sightings = openSightingStore(memoryPath(folder, origin))
  const monitor = createMonitor({
    origin,
    keys,
    sources,
    sightings,
    crypto: nativeCrypto,
    hasher: createHasher(nativeCrypto.hash),
    fetch: fetchAny,
    deadline: AbortSignal.timeout,
    now,
  })
  return { look: () => monitor.look(), [Symbol.asyncDispose]: () => sightings.close() }
}

/** A folder as a `file:` address, by its real path; undefined where there is none. */
export function addressOfFolder(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found?.isDirectory() === true ? pathToFileURL(realpathSync(path)).href : undefined
}

function memoryPath(folder: string, origin: string): string {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new StoreError('log_unwritable', 'the folder of the monitor cannot be made', { cause })
  }
  return join(folder, `${originId(origin, nativeCrypto).slice(0, 32)}.sqlite`)
}

/** That of the runtime, which does not read files. Paths below a folder come from the monitor, never from a log. */
const fetchAny: Fetch = (url, init) => (url.startsWith('file:') ? fetchFile(url) : fetch(url, init))

async function fetchFile(url: string): Promise<Response> {
  try {
    using file = openFileSource(fileURLToPath(url))
    return new Response(file.view(0, file.length).slice())
  } catch (error) {
    if (error instanceof StoreError && error.code !== 'input_unreadable') return new Response(null, { status: 404 })
    throw error
  }
}
