/**
 * Order: what is asked for when somebody is enrolled, and what of a certificate follows from it.
 */
import { createHash } from 'node:crypto'
import type { Role } from '@fiducial/core/domain/trust/roles.ts'
import type { KeyKind } from './key-kind.ts'
import type { TokenOptions } from './pkcs11.ts'

export const DAY_MS = 86_400_000
const HOLDER_DAYS = 3 * 365
/** Clocks of verifiers may be a little behind ours. */
const BACKDATE_MS = 5 * 60_000

/** What devices, persons and gateways have in common when they are enrolled. */
export interface HolderOrder {
  /** Common name, 1 to 59 characters; the id is made of it. */
  readonly name: string
  /** Days from `notBefore`; 1095 unless said otherwise. */
  readonly validityDays?: number
  /** Five minutes ago unless said otherwise. */
  readonly notBefore?: Date
  /** Kind of the key for DICOM signatures; RSA-3072 unless said otherwise, for a gateway RSA-2048. */
  readonly dicomKey?: Extract<KeyKind, `rsa-${string}` | `p-${string}`>
  /** Kind of the key for statements; Ed25519 unless said otherwise, in a token always P-256. */
  readonly statementKey?: Extract<KeyKind, 'ed25519' | 'p-256'>
  /** Makes the DICOM and the statement key in a token; the post-quantum key stays in a file. */
  readonly pkcs11?: TokenOptions
}

export interface DeviceOrder extends HolderOrder {
  readonly manufacturer?: string
  readonly model?: string
  /** Serial number of the device, as in (0018,1000). */
  readonly serial?: string
}

export interface PersonOrder extends HolderOrder {
  readonly department?: string
  /** Number of the person at the site, as in (0008,1072). */
  readonly staffId?: string
}

export type GatewayOrder = HolderOrder

export type LogOrder = Pick<HolderOrder, 'name' | 'validityDays' | 'notBefore' | 'statementKey'>

/** Marks a name of a demonstration. */
export const markDemo = (name: string, isDemo: boolean): string => (isDemo ? `DEMO ${name}` : name)

export const wholeSeconds = (time: Date): Date => new Date(Math.floor(time.getTime() / 1000) * 1000)

/**
 * First and last moment of a certificate.
 * @throws {RangeError} for a validity of no days
 */
export function validityOf(
  order: { readonly validityDays?: number; readonly notBefore?: Date },
  now: Date,
): { notBefore: Date; notAfter: Date } {
  const { validityDays = HOLDER_DAYS, notBefore = new Date(now.getTime() - BACKDATE_MS) } = order
  if (!(validityDays > 0)) throw new RangeError('a certificate is valid for more than no days')
  const start = wholeSeconds(notBefore)
  return { notBefore: start, notAfter: wholeSeconds(new Date(start.getTime() + validityDays * DAY_MS)) }
}

/** `device-room-2` for a device called "Room 2"; a name without Latin letters or digits becomes part of its digest. */
export function idOf(role: Role, name: string): string {
  const plain = name
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .toLowerCase()
  const slug = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '')
  return `${role}-${slug || createHash('sha256').update(name).digest('hex').slice(0, 8)}`
}
