/**
 * Coverage: which attributes of the main data set a signature speaks for, and which it leaves open.
 *
 * Our acquisition policy asks for more than any profile of PS3.15: every signable element is signed. So an attribute
 * that was added after signing shows, although no digest changes.
 */
import { type Concern, concernOf } from '../../formats/dicom/attribute-concern.ts'
import { nameOf } from '../../formats/dicom/dictionary.ts'
import { type Element, formatTag, type Tag } from '../../formats/dicom/element.ts'
import type { DigitalSignature } from './read.ts'
import { DIGITAL_SIGNATURES_SEQUENCE, isSignable, MAC_PARAMETERS_SEQUENCE } from './signable.ts'

export interface CoverageEntry {
  readonly tag: Tag
  readonly name: string
  readonly vr: string
  readonly concern: Concern
  /** `unsignable` elements are left to the seal beside the file. */
  readonly state: 'signed' | 'unsigned' | 'unsignable'
  /** UIDs of the signatures that list the attribute. */
  readonly signedBy: readonly string[]
}

/** One entry for each attribute of the main data set but the signatures themselves. */
export function coverageOf(
  elements: readonly Element[],
  signatures: readonly DigitalSignature[],
): readonly CoverageEntry[] {
  const lists = signatures
    .filter(({ path }) => path === '')
    .map(({ uid, signedTags }) => ({ uid, tags: new Set(signedTags) }))
  return elements
    .filter(({ tag }) => tag !== DIGITAL_SIGNATURES_SEQUENCE && tag !== MAC_PARAMETERS_SEQUENCE)
    .map((element) => {
      const { tag, vr } = element
      const signedBy = lists.filter(({ tags }) => tags.has(tag)).map(({ uid }) => uid)
      const state = !isSignable(element) ? 'unsignable' : signedBy.length > 0 ? 'signed' : 'unsigned'
      return { tag, name: nameOf(tag), vr, concern: concernOf(tag), state, signedBy }
    })
}

/** The signable attributes beside a signature that it does not list. */
export function unsignedElements({ elements, signedTags }: DigitalSignature): readonly Element[] {
  const listed = new Set(signedTags)
  return elements.filter((element) => isSignable(element) && !listed.has(element.tag))
}

/** `(0010,0010) Patient's Name`: tag and dictionary name, never a value. */
export const describeTag = (tag: Tag): string => `${formatTag(tag)} ${nameOf(tag)}`
