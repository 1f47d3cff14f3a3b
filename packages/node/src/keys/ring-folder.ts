/**
 * Ring folder: where a key ring keeps its certificates, lists and keys.
 *
 * Below `$home/keys` (mode 0700; private keys 0600):
 *
 *     ring.json                      {"version": 1, "site", "isDemo"}
 *     ca/certificate.pem, key.pem
 *     crls/00000001.pem …            the newest revocation list has the highest number
 *     holders/ID/USE.pem             certificate; USE is dicom, statement, post-quantum or timestamp
 *     holders/ID/USE.key.pem         private key, or USE.pkcs11.json: which token holds it
 *     holders/ID/mark.key.pem        secret of the mark, of devices that have marked; see mark-key.ts
 *
 * A holder's folder appears whole or not at all. A number of a list is taken by whoever comes first.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'
import type { Certificate } from '@fiducial/core/formats/x509/certificate.ts'
import type { Crl } from '@fiducial/core/formats/x509/crl.ts'
import { encodePem, parseCertificates, parseCrls } from '@fiducial/core/formats/x509/pem.ts'
import {
  createFile,
  flushFolder,
  isCode,
  isTaken,
  PUBLIC_MODE,
  replaceFile,
  SECRET_MODE,
  temporaryBeside,
} from './durable.ts'
import { parseTokenKey, type TokenKey } from './token-key.ts'

/** What a key of a holder is for; also the name of its files. */
export type KeyUse = 'dicom' | 'statement' | 'post-quantum' | 'timestamp'
const KEY_USES: readonly KeyUse[] = ['dicom', 'statement', 'post-quantum', 'timestamp']

/** What `ring.json` says. */
export interface RingFacts {
  readonly site: string
  readonly isDemo: boolean
}

/** A holder as it lies in the folder. */
export interface StoredHolder {
  readonly id: string
  readonly certificates: Readonly<Partial<Record<KeyUse, Certificate>>>
}

/** One key of a new holder: PEM of the private key, or where the token is that holds it. */
export interface NewKey {
  readonly use: KeyUse
  readonly certificate: Uint8Array
  readonly key: { readonly pem: string } | { readonly token: TokenKey }
}

const crlPath = (folder: string, number: number): string =>
  join(folder, 'crls', `${String(number).padStart(8, '0')}.pem`)
export const caKeyPath = (folder: string): string => join(folder, 'ca', 'key.pem')
export const holderKeyPath = (folder: string, id: string, use: KeyUse): string =>
  join(folder, 'holders', id, `${use}.key.pem`)

/** Begins a folder with its CA. @throws system errors; see {@link asUnwritable} */
export function beginFolder(
  folder: string,
  facts: RingFacts,
  ca: { readonly certificate: Uint8Array; readonly keyPem: string },
): void {
  for (const part of ['', 'ca', 'crls', 'holders']) mkdirSync(join(folder, part), { mode: 0o700 })
  replaceFile(caKeyPath(folder), ca.keyPem, SECRET_MODE)
  replaceFile(join(folder, 'ca', 'certificate.pem'), formatCertificate(ca.certificate), PUBLIC_MODE)
  replaceFile(join(folder, 'ring.json'), `${JSON.stringify({ version: 1, ...facts }, undefined, 2)}\n`, PUBLIC_MODE)
}

/** @throws {KeyError} `key_missing` where no ring is, `key_unreadable` */
export function readFacts(folder: string): RingFacts {
  const text = readText(join(folder, 'ring.json'), 'there is no key ring yet')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new KeyError('key_unreadable', 'ring.json is not JSON', { cause })
  }
  if (typeof value === 'object' && value !== null && 'version' in value && 'site' in value && 'isDemo' in value) {
    const { version, site, isDemo } = value
    if (version === 1 && typeof site === 'string' && typeof isDemo === 'boolean') return { site, isDemo }
  }
  throw new KeyError('key_unreadable', 'ring.json is not of this version')
}

/** @throws {KeyError} `key_missing`, `key_unreadable` */
export function readCa(folder: string): Certificate {
  return onlyOne(readPem(join(folder, 'ca', 'certificate.pem'), parseCertificates))
}

/** The newest revocation list with its number; number 0 and no list in a new ring. */
export function readNewestCrl(folder: string): { readonly number: number; readonly crl: Crl | undefined } {
  const numbers = readNames(join(folder, 'crls')).flatMap((name) => /^(\d{8})\.pem$/.exec(name)?.[1] ?? [])
  const number = Math.max(0, ...numbers.map(Number))
  return { number, crl: number === 0 ? undefined : onlyOne(readPem(crlPath(folder, number), parseCrls)) }
}

/** Puts a revocation list under a number. @returns false if the number is taken */
export function addCrl(folder: string, number: number, crl: Uint8Array): boolean {
  return createFile(crlPath(folder, number), encodePem({ label: 'X509 CRL', bytes: crl }), PUBLIC_MODE)
}

/** All holders by id. @throws {KeyError} `key_unreadable` */
export function readHolders(folder: string): StoredHolder[] {
  const ids = readNames(join(folder, 'holders')).filter(isId)
  return ids.sort().map((id) => readHolder(folder, id))
}

/** @throws {KeyError} `key_missing`, `key_unreadable` */
export function readHolder(folder: string, id: string): StoredHolder {
  // What is no id must not become a path: it comes from a command line.
  const names = isId(id) ? readNames(join(folder, 'holders', id)) : []
  const uses = KEY_USES.filter((use) => names.includes(`${use}.pem`))
  if (uses.length === 0) throw new KeyError('key_missing', `there is no holder ${isId(id) ? id : 'of this id'}`)
  const certificates: Partial<Record<KeyUse, Certificate>> = {}
  for (const use of uses)
    certificates[use] = onlyOne(readPem(join(folder, 'holders', id, `${use}.pem`), parseCertificates))
  return { id, certificates }
}

/** Where the token is that holds a key, or undefined if the key is in a file. @throws {KeyError} `key_unreadable` */
export function readTokenKey(folder: string, id: string, use: KeyUse): TokenKey | undefined {
  const path = join(folder, 'holders', id, `${use}.pkcs11.json`)
  if (!readNames(join(folder, 'holders', id)).includes(`${use}.pkcs11.json`)) return undefined
  return parseTokenKey(readText(path, 'there is no such key'))
}

/**
 * Adds a holder, all files at once.
 * @throws {KeyError} `key_exists` if the id is taken
 */
export function addHolder(folder: string, id: string, keys: readonly NewKey[]): void {
  const target = join(folder, 'holders', id)
  const building = temporaryBeside(target)
  try {
    mkdirSync(building, { mode: 0o700 })
    for (const { use, certificate, key } of keys) {
      replaceFile(join(building, `${use}.pem`), formatCertificate(certificate), PUBLIC_MODE)
      if ('pem' in key) replaceFile(join(building, `${use}.key.pem`), key.pem, SECRET_MODE)
      else
        replaceFile(join(building, `${use}.pkcs11.json`), `${JSON.stringify(key.token, undefined, 2)}\n`, SECRET_MODE)
    }
    renameSync(building, target)
    flushFolder(join(folder, 'holders'))
  } catch (cause) {
    rmSync(building, { recursive: true, force: true })
    if (isTaken(cause)) throw new KeyError('key_exists', `${id} is enrolled already`, { cause })
    throw asUnwritable(cause)
  }
}

/** Turns what the file system threw while writing into our own error; leaves our own errors as they are. */
export function asUnwritable(cause: unknown): unknown {
  if (!(cause instanceof Error) || !('syscall' in cause)) return cause
  return new StoreError('output_unwritable', 'the key ring cannot be written', { cause })
}

/** Whether a text can be the id of a holder. */
export const isId = (text: string): boolean => /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text)

export const formatCertificate = (bytes: Uint8Array): string => encodePem({ label: 'CERTIFICATE', bytes })

function readText(path: string, missing: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (isCode(cause, 'ENOENT', 'ENOTDIR')) throw new KeyError('key_missing', missing, { cause })
    throw new KeyError('key_unreadable', 'the key ring cannot be read', { cause })
  }
}

function readPem<T>(path: string, parse: (file: Uint8Array) => T): T {
  const text = readText(path, 'a file of the key ring is missing')
  try {
    return parse(encodeUtf8(text))
  } catch (cause) {
    if (cause instanceof FormatError)
      throw new KeyError('key_unreadable', 'a file of the key ring is damaged', { cause })
    throw cause
  }
}

/** Names in a folder; none if it is missing. */
function readNames(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (cause) {
    if (isCode(cause, 'ENOENT', 'ENOTDIR')) return []
    throw new KeyError('key_unreadable', 'the key ring cannot be read', { cause })
  }
}

function onlyOne<T>(list: readonly T[]): T {
  const [one, ...more] = list
  if (one === undefined || more.length > 0) throw new KeyError('key_unreadable', 'a file of the key ring is damaged')
  return one
}
