/**
 * Profile: how much a de-identified copy keeps.
 *
 * Source: PS3.15 annex E: the Basic Application Level Confidentiality Profile (E.2), and the options of E.3 that only keep
 * something. The options that clean (pixel data, descriptors, graphics, structured content) ask for a person or a model that
 * understands what it reads: nothing here claims them; what they would clean is taken away.
 */

import { SECRET, type SecretReference } from '../../formats/config/secret.ts'
import { flag, list, mapped, nullable, optional, record, type Shape, text, words } from '../../formats/config/shape.ts'

export const RETAINED = [
  'uids',
  'device',
  'institution',
  'patient_characteristics',
  'full_dates',
  'modified_dates',
] as const
/** Options of annex E.3.6 to E.3.9, by what they retain. */
export type Retained = (typeof RETAINED)[number]

/** Known to hold no identity: annex E.3.10. */
export interface SafePrivate {
  readonly group: number
  readonly creator: string
  /** Last byte of the number. */
  readonly element: number
}

export interface DeidentifyProfile {
  readonly retain: readonly Retained[]
  readonly safePrivate: readonly SafePrivate[]
  /** Where the key lies from which new UIDs, names and dates follow; null for the one of the gateway. */
  readonly key: SecretReference | null
  /** Whether an image goes out whose pixels or overlays may hold text about the patient. */
  readonly allowsBurnedIn: boolean
}

export const BASIC_PROFILE: DeidentifyProfile = { retain: [], safePrivate: [], key: null, allowsBurnedIn: false }

const SAFE_PRIVATE: Shape<SafePrivate> = mapped(
  text(/^\([0-9A-Fa-f]{3}[13579BDFbdf],[\x20-\x2b\x2d-\x5b\x5d-\x7e]{1,64},[0-9A-Fa-f]{2}\)$/, '(gggg,CREATOR,ee)'),
  (spelled) => {
    const [group = '', creator = '', element = ''] = spelled.slice(1, -1).split(',')
    return { group: Number.parseInt(group, 16), creator, element: Number.parseInt(element, 16) }
  },
)

export const PROFILE: Shape<DeidentifyProfile> = mapped(
  record<DeidentifyProfile>({
    retain: optional(list(words(RETAINED), RETAINED.length), [], 'what is kept beyond the Basic Profile', []),
    safePrivate: optional(
      list(SAFE_PRIVATE, 1024),
      [],
      'private attributes without identity, such as (0019,SIEMENS MR HEADER,0C)',
      [],
    ),
    key: optional(nullable(SECRET), null, 'key for new UIDs, names and dates (default: the one of the gateway)'),
    allowsBurnedIn: optional(flag, false, 'lets images out whose pixels may hold text about the patient'),
  }),
  (profile, value) => {
    if (profile.retain.includes('full_dates') && profile.retain.includes('modified_dates'))
      throw value.refuse('retains both full and modified dates')
    return profile
  },
)
