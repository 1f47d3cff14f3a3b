/**
 * Crimes: the forgeries of the demonstration: those over bytes, those that the mark in the pixels tells best, and those that
 * seal with keys of the forger's.
 */
import { addNodule, FORGERIES } from '@fiducial/core/domain/forge/forgeries.ts'
import { copyPatch, fileScreenshot } from '@fiducial/core/domain/forge/mark-forgeries.ts'

/** Something done to a sealed image. */
export interface Crime {
  readonly id: string
  readonly title: string
  readonly motive: string
}

/** What a forger with keys does: change the image or not, and seal it anew. */
export interface KeyCrime extends Crime {
  readonly apply: (original: Uint8Array) => Uint8Array
  /** Whose keys seal: a ring of the forger's own with the same names; an expired device; a person in a device's place. */
  readonly keys: 'rogue' | 'expired' | 'person'
}

export const BYTE_CRIMES = FORGERIES

/** Of a marked radiograph. */
export interface MarkCrime extends Crime {
  readonly apply: (file: Uint8Array) => Uint8Array
  readonly keepsSeal: boolean
}

export const MARK_CRIMES: readonly MarkCrime[] = [
  {
    id: 'patch-copied',
    title: 'a patch of lung copied over another',
    motive: 'what was there is gone, and every pixel is one that the device made',
    apply: copyPatch,
    keepsSeal: true,
  },
  {
    id: 'screenshot',
    title: 'a screenshot, filed for another patient',
    motive: 'no seal, no signature and no log knows it: the mark leads back',
    apply: fileScreenshot,
    keepsSeal: false,
  },
]

export const KEY_CRIMES: readonly KeyCrime[] = [
  {
    id: 'rogue-key',
    title: 'a nodule, sealed by a CA of the same name',
    motive: 'whoever looks at names only sees the right ones',
    apply: addNodule,
    keys: 'rogue',
  },
  {
    id: 'expired-key',
    title: 'sealed by an expired device',
    motive: 'a key from a scrapped device',
    apply: (original) => original,
    keys: 'expired',
  },
  {
    id: 'person-as-device',
    title: 'the technologist’s key as the device’s',
    motive: 'an insider makes an image without any device',
    apply: addNodule,
    keys: 'person',
  },
]

/** Whoever holds the hospital's keys, its clock and its timestamp authority: only the log knows better. */
export const BACK_DATED: Crime & { readonly days: number } = {
  id: 'back-dated',
  title: 'made today, sealed as of last month',
  motive: 'an insider gives a claim an earlier X-ray',
  days: 30,
}

/** Nothing about it is wrong; it never came from here. */
export const UNKNOWN: Crime = {
  id: 'unknown',
  title: 'a picture that was never taken here',
  motive: 'a generated image under a plausible name',
}

export const OTHER_SEAL: Crime = {
  id: 'other-seal',
  title: 'the seal of another image beside it',
  motive: 'a genuine seal lends its name',
}
