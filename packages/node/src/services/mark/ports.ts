/** Ports: what marking needs from the world around it. Adapters stand in storage/mark and keys. */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import type { TileMeans } from '@fiducial/core/domain/mark/tiles/embed-plane.ts'
import type { Codecs } from '@fiducial/core/formats/codec/codec.ts'
import type { Encoders } from '@fiducial/core/formats/codec/encode.ts'
import type { RandomBytes } from '../ports.ts'

/** Records of marked images by their ids. When `put` resolves, the bytes survive a power cut. */
export interface MarkRecords {
  /** The bytes of a record; undefined where there is none. @throws {StoreError} `input_unreadable` */
  get(recordId: Uint8Array): Promise<Uint8Array | undefined>
  /**
   * Storing the same bytes again succeeds.
   * @throws {StoreError} `object_conflict` for other bytes, `output_unwritable`
   */
  put(recordId: Uint8Array, bytes: Uint8Array): Promise<void>
  /**
   * The beginnings of all records, the newest first: as much of each as {@link headLength} asks for, or more. What is no record
   * is left out.
   * @throws {StoreError} `input_unreadable`
   */
  heads(): AsyncIterable<Uint8Array>
}

/** A device that marks. */
export interface MarkDevice {
  /** What the site calls the device by. */
  readonly id: string
  /** 32 secret bytes. */
  readonly markKey: Uint8Array
  /** Ed25519 key of its planes' signatures, 32 bytes: so that whoever reads marks needs nothing that can sign. */
  readonly publicKey: Uint8Array
  readonly isDemo: boolean
}

/** What marking and reading need of their surroundings. */
export interface MarkMeans extends TileMeans {
  readonly crypto: Crypto
  readonly codecs: Codecs
  readonly encoders: Encoders
  readonly random: RandomBytes
  readonly now: () => Date
  readonly records: MarkRecords
}
