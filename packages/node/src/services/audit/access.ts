/**
 * Audit access: what a program that sweeps gets from its surroundings.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import type { Policy } from '@fiducial/core/domain/verdict/policy.ts'
import type { ArchiveSource, SweepStore } from './ports.ts'

/** How to reach an archive. */
export interface ArchiveOrder {
  /** A folder, or an address: `https://HOST/dicom-web`, `dicom[s]://AET@HOST:PORT`, `orthanc+http[s]://HOST:PORT`. */
  readonly target: string
  /** For archives on the network: a bearer token, or `USER:PASSWORD`. */
  readonly credentials?: string
  /** AE title by which we call: for DIMSE. */
  readonly callingAet?: string
  /** Where a PACS calls back upon C-MOVE, which knows us by our title and this port; absent: C-GET. */
  readonly receivePort?: number
  /** PEM texts of authorities, and of our own certificate and key where the archive asks: for `dicoms://` and `https://`. */
  readonly tls?: { readonly trusted: string; readonly certificate?: string; readonly key?: string }
  /** Folder of the state: what is fetched lies below it while it is examined. */
  readonly temporary: string
}

export interface AuditServices {
  /** @throws {StoreError} `input_missing`, `service_unreachable` and the like; {RangeError} for an address that is none */
  openArchive(order: ArchiveOrder): Promise<ArchiveSource>
  /** The memory of sweeps over one archive. @throws {StoreError} `sweep_corrupted`, `output_unwritable` */
  openStore(home: string, archive: Pick<ArchiveSource, 'kind' | 'name'>): Promise<SweepStore>
}

/**
 * Names whom one believes, and by which policy: another one asks for everything signed to be judged again. Revocation lists
 * do not count here: of those, what is new in them counts.
 */
export function trustIdOf({ roots, intermediates }: TrustAnchors, policy: Policy, { hash }: Crypto): string {
  const certificates = [...roots, ...intermediates]
    .map(({ bytes }) => encodeHex(digestOf(hash, 'sha256', bytes)))
    .sort()
  const text = JSON.stringify([VERSION, certificates, policy])
  return encodeHex(digestOf(hash, 'sha256', encodeUtf8(text)))
}

/** Of what is found: counts up where the same image may be judged otherwise than before. */
const VERSION = 1

/** Certificates that lists take back, as `Examined.signers` names them. */
export function revokedBy({ crls }: TrustAnchors, { hash }: Crypto): readonly string[] {
  const names = crls.flatMap(({ issuer, entries }) => {
    const authority = encodeHex(digestOf(hash, 'sha256', issuer.bytes))
    return [...entries.values()]
      .filter(({ reason }) => reason !== 'removeFromCRL')
      .map(({ serial }) => `${authority}:${serial}`)
  })
  return [...new Set(names)].sort()
}
