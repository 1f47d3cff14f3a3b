/**
 * Roles: for what a certified key may act.
 *
 * A role is an extended key usage (RFC 5280 section 4.2.1.12). Ours lie below a UUID arc (ITU-T X.667), which anyone
 * may use without a registry. A certificate with exactly one role acts in it and in no other, so
 * that the certificate of a technologist cannot sign as a device. Certificates of other sites and older ones have
 * none of our roles; whether those are enough is for a policy to say.
 */
import type { Certificate } from '../../formats/x509/certificate.ts'

/** UUID 4ce5bf34-3e0a-4ae7-a887-5fa4b6f5b7e7 as a number. */
const ARC = '2.25.102214241739557343674000283044591024103'

export const ROLE_PURPOSES = {
  /** Signs images at capture: a modality, a detector, a robot's sensor. */
  device: `${ARC}.1.1`,
  /** Signs for what a person has seen: technologist, physicist, physician. */
  person: `${ARC}.1.2`,
  /** Signs checkpoints of a custody log. */
  log: `${ARC}.1.3`,
  /** Signs what came to it, and has not seen how it was made: a gateway between devices and archive. */
  gateway: `${ARC}.1.4`,
  /** id-kp-timeStamping (RFC 3161 section 2.3): alone and critical. */
  timestamp: '1.3.6.1.5.5.7.3.8',
} as const

/** Policy of the tokens that an embedded timestamp authority makes: the clock of the machine, nothing more. */
export const TIMESTAMP_POLICY = `${ARC}.2.1`

/** What a holder can be. */
export type Role = keyof typeof ROLE_PURPOSES

/**
 * The one role that a certificate grants.
 *
 * @returns `uncertified` for a certificate with none of the roles, or with more than one
 */
export function roleOf({ extendedKeyUsage }: Pick<Certificate, 'extendedKeyUsage'>): Role | 'uncertified' {
  if (!extendedKeyUsage) return 'uncertified'
  const { purposes, isCritical } = extendedKeyUsage
  const [role, ...more] = (Object.keys(ROLE_PURPOSES) as Role[]).filter((name) =>
    purposes.includes(ROLE_PURPOSES[name]),
  )
  if (role === undefined || more.length > 0) return 'uncertified'
  // RFC 3161: a timestamping key serves nothing else, and says so in a way that nobody may skip.
  if (role === 'timestamp' && (purposes.length !== 1 || !isCritical)) return 'uncertified'
  return role
}
