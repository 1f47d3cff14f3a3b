/**
 * Adapters: what the command line needs from keys and storage, in its own words. main.ts hands them in.
 *
 * Everything is loaded when it is first asked for: a command that only verifies loads no key handling.
 */
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import type { Raster } from '@fiducial/core/formats/picture/raster.ts'
import type { Certificate } from '@fiducial/core/formats/x509/certificate.ts'
import type { CrlReason } from '@fiducial/core/formats/x509/crl.ts'
import type { Work } from './work.ts'

/** One file to read. */
export interface Input {
  readonly path: string
  /** The folder that was searched; of a file that was named, its folder. */
  readonly root: string
  /** What to call it: the path, or `-` for standard input. */
  readonly label: string
}

/** Files as they are found; disposing of it removes what was kept of standard input. */
export interface Inputs extends AsyncIterable<Input>, Disposable {}

export interface OpenFile extends ByteSource, Disposable {}

/** How keys are opened. */
export interface Secrets {
  readonly passphrase?: string
  /** Of PKCS#11 tokens. */
  readonly pin?: string
}

export interface TokenPlace {
  readonly module: string
  readonly slot?: number
  readonly pin?: string
}

export interface HolderRequest {
  readonly name: string
  readonly validityDays?: number
  readonly notBefore?: Date
  readonly pkcs11?: TokenPlace
  /** Kind of the key for DICOM signatures; RSA-3072 unless said otherwise. */
  readonly dicomKey?: 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'p-256' | 'p-384'
}

/** Somebody or something with certificates. */
export interface Holder {
  readonly id: string
  readonly role: 'device' | 'person' | 'log' | 'timestamp' | 'uncertified'
  readonly name: string
  readonly status: 'active' | 'revoked' | 'expired' | 'not_yet_valid'
  /** By use, such as `dicom`. */
  readonly certificates: Readonly<Record<string, Certificate | undefined>>
  readonly revocation?: { readonly revokedAt: Date; readonly reason: CrlReason }
}

/** The keys of a site. */
export interface Ring {
  readonly site: string
  readonly isDemo: boolean
  enrolDevice(order: HolderRequest & { readonly manufacturer?: string; readonly model?: string; readonly serial?: string }): Promise<Holder>
  enrolPerson(order: HolderRequest & { readonly department?: string; readonly staffId?: string }): Promise<Holder>
  list(): readonly Holder[]
  find(id: string): Holder
  revoke(id: string, reason: CrlReason, options?: { readonly invalidSince?: Date }): Promise<Holder>
  trust(): TrustAnchors
  /** @returns the names of the files written */
  exportPublic(folder: string): readonly string[]
}

export interface Adapters {
  readonly work: Work
  /** @throws {StoreError} on iteration, for standard input */
  findInputs(words: readonly string[]): Promise<Inputs>
  /** @throws {StoreError} `input_missing`, `input_empty`, `input_unreadable` */
  openFile(path: string): Promise<OpenFile>
  /** A whole file, or undefined where there is none. @throws {StoreError} `input_unreadable` */
  readFile(path: string): Promise<Uint8Array | undefined>
  /** A whole file in place of what stood there; its folder is made. @throws {StoreError} `output_unwritable` */
  writeFile(path: string, bytes: Uint8Array): Promise<void>
  /** A PNG file, likewise. @throws {StoreError} `output_unwritable` */
  writePicture(path: string, picture: Raster): Promise<void>
  /** @throws {KeyError} `key_exists` @throws {StoreError} `output_unwritable` */
  initRing(home: string, options: Secrets & { readonly site: string; readonly isDemo: boolean }): Promise<Ring>
  /** @throws {KeyError} `key_missing`, `key_unreadable` */
  openRing(home: string, secrets: Secrets): Promise<Ring>
}

/** The name of a seal: that of its image and this. */
export const SEAL_SUFFIX = '.fiducial.json'
