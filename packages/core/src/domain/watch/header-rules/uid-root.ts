/**
 * UID root: whether an instance's UID begins as those of its manufacturer's devices do.
 *
 * Source: roots registered under the ISO arc 1.2.840 (ANSI), 1.3.12 (ECMA) and 1.3.46 as vendors' public DICOM conformance statements name them, and those of toolkits from their public
 * sources. PS3.5 section 9. Gateways, archives and de-identification give new UIDs, so that another root alone is no sign of anything; only the root of one
 * manufacturer under the name of another is called odd.
 */
import { textAt } from '../../../formats/dicom/values.ts'
import { type HeaderRule, unknown } from './rule.ts'
import { TAGS } from './tags.ts'

interface Root {
  readonly prefix: string
  /** Matches a manufacturer's name. */
  readonly maker: RegExp
}

/** A trailing dot ends the root. */
const ROOTS: readonly Root[] = [
  { prefix: '1.2.840.113619.', maker: /\bGE\b|GENERAL ELECTRIC/i },
  { prefix: '1.3.12.2.1107.', maker: /SIEMENS/i },
  { prefix: '1.3.46.670589.', maker: /PHILIPS|ADAC|PICKER|MARCONI/i },
  { prefix: '1.2.392.200036.9116.', maker: /TOSHIBA|CANON/i },
  { prefix: '1.2.392.200036.9125.', maker: /FUJI/i },
  { prefix: '1.2.392.200046.', maker: /CANON/i },
  { prefix: '1.2.840.113681.', maker: /HOLOGIC|LORAD/i },
]

export const checkUidRoot: HeaderRule = (dataSet) => {
  const uid = textAt(dataSet, TAGS.sopInstance)
  const maker = textAt(dataSet, TAGS.manufacturer)
  if (uid === undefined || maker === undefined)
    return unknown('uid-root', 'The header names no manufacturer, or no instance.')
  const own = ROOTS.findIndex(({ prefix }) => uid.startsWith(prefix))
  const named = ROOTS.filter((root) => root.maker.test(maker))
  if (own === -1) return unknown('uid-root', 'The instance’s UID has a root that is not in the list of known ones.')
  if (ROOTS[own]?.maker.test(maker)) {
    return {
      rule: 'uid-root',
      outcome: 'consistent',
      sentence: 'The instance’s UID has a root of the manufacturer that the header names.',
      facts: { root: own },
    }
  }
  if (named.length === 0)
    return unknown('uid-root', 'Nothing is known of the roots of the manufacturer that the header names.')
  const sentence =
    'The instance’s UID has the root of another manufacturer than the one that the header names. A workstation of the other one can have written it.'
  return { rule: 'uid-root', outcome: 'odd', sentence, facts: { root: own } }
}
