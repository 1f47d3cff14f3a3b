/** Ring: the keys of a site and who holds them, in the words of the command line. Where keys lie is left to adapters. */
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import type { Certificate } from '@fiducial/core/formats/x509/certificate.ts'
import type { CrlReason } from '@fiducial/core/formats/x509/crl.ts'

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
  /** Kind of the key for DICOM signatures; RSA-3072 unless said otherwise, for a gateway RSA-2048. */
  readonly dicomKey?: 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'p-256' | 'p-384'
}

/** Somebody or something with certificates. */
export interface Holder {
  readonly id: string
  readonly role: 'device' | 'person' | 'gateway' | 'log' | 'timestamp' | 'uncertified'
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
  enrolDevice(
    order: HolderRequest & { readonly manufacturer?: string; readonly model?: string; readonly serial?: string },
  ): Promise<Holder>
  enrolPerson(order: HolderRequest & { readonly department?: string; readonly staffId?: string }): Promise<Holder>
  enrolGateway(order: HolderRequest): Promise<Holder>
  list(): readonly Holder[]
  find(id: string): Holder
  revoke(id: string, reason: CrlReason, options?: { readonly invalidSince?: Date }): Promise<Holder>
  trust(): TrustAnchors
  /** @returns the names of the files written */
  exportPublic(folder: string): readonly string[]
}
