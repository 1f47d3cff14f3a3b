/**
 * Witness keys: name and keys of a witness, in a folder of its own.
 *
 *     witness.json                          {"version": 1, "name"}
 *     ed25519.key.pem, ml-dsa-44.key.pem    private keys, mode 0600, encrypted where there is a passphrase
 *
 * No certificates: whoever believes a witness has its verifier keys from it. The folder appears whole or not at all.
 */
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { HashFactory } from '@fiducial/core/bytes/hash.ts'
import type { NoteSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { KeyError, StoreError } from '@fiducial/core/errors.ts'
import { isKeyName } from '@fiducial/core/formats/note/verifier-key.ts'
import { flushFolder, isCode, isTaken, PUBLIC_MODE, replaceFile, SECRET_MODE, temporaryBeside } from './durable.ts'
import { formatPrivateKey, readKeyFile } from './key-file.ts'
import { generateKey } from './key-kind.ts'
import { createWitnessSigners } from './log-signer.ts'

const KINDS = ['ed25519', 'ml-dsa-44'] as const
const VERSION = 1

const namePath = (folder: string): string => join(folder, 'witness.json')
const keyPath = (folder: string, kind: (typeof KINDS)[number]): string => join(folder, `${kind}.key.pem`)

/** The name of the witness in a folder; undefined where there is none. @throws {KeyError} `key_unreadable` */
export function readWitnessName(folder: string): string | undefined {
  let text: string
  try {
    text = readFileSync(namePath(folder), 'utf8')
  } catch (cause) {
    if (isCode(cause, 'ENOENT', 'ENOTDIR')) return undefined
    throw new KeyError('key_unreadable', 'witness.json cannot be read', { cause })
  }
  const name = nameIn(text)
  if (name === undefined) throw new KeyError('key_unreadable', 'witness.json is not of this version')
  return name
}

function nameIn(text: string): string | undefined {
  try {
    const value = JSON.parse(text) as { readonly version?: unknown; readonly name?: unknown } | null
    const { version, name } = value ?? {}
    return version === VERSION && typeof name === 'string' && isKeyName(name) ? name : undefined
  } catch {
    return undefined
  }
}

/**
 * Makes a witness with two new keys.
 *
 * @param prepare  puts more into the folder before it gets its name
 * @throws {KeyError} `key_exists` where the folder is there and not empty; {StoreError} `output_unwritable`
 */
export async function createWitnessFolder(
  folder: string,
  { name, passphrase }: { readonly name: string; readonly passphrase?: string | undefined },
  prepare: (building: string) => Promise<void>,
): Promise<void> {
  const target = resolve(folder)
  const building = temporaryBeside(target)
  try {
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 })
    mkdirSync(building, { mode: 0o700 })
    for (const kind of KINDS) {
      replaceFile(keyPath(building, kind), formatPrivateKey(await generateKey(kind), passphrase), SECRET_MODE)
    }
    await prepare(building)
    replaceFile(namePath(building), `${JSON.stringify({ version: VERSION, name })}\n`, PUBLIC_MODE)
    renameSync(building, target)
    flushFolder(dirname(target))
  } catch (cause) {
    rmSync(building, { recursive: true, force: true })
    if (isTaken(cause)) throw new KeyError('key_exists', 'the folder is not empty', { cause })
    if (cause instanceof Error && 'syscall' in cause) {
      throw new StoreError('output_unwritable', 'the folder of the witness cannot be made', { cause })
    }
    throw cause
  }
}

/**
 * The cosigners of a witness.
 * @throws {KeyError} `key_missing`, `key_unreadable`, `key_passphrase_missing`, `key_passphrase_wrong`
 */
export function readWitnessSigners(
  folder: string,
  name: string,
  { passphrase, hashes }: { readonly passphrase?: string | undefined; readonly hashes: HashFactory },
): readonly NoteSigner[] {
  const [ed25519, mlDsa44] = KINDS.map((kind) =>
    readKeyFile(keyPath(folder, kind), `${kind}.key.pem of the witness`, passphrase),
  )
  if (ed25519 === undefined || mlDsa44 === undefined) throw new TypeError('a witness has two keys')
  try {
    return createWitnessSigners(name, { ed25519, mlDsa44 }, hashes)
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new KeyError('key_unreadable', 'a key of the witness is of another kind', { cause })
  }
}
