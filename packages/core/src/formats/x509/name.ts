/**
 * Name: who a certificate speaks of.
 *
 * Source: RFC 5280 section 4.1.2.4 and appendix A.1. Two names are the same if their bytes are: case folding and the
 * other rules of RFC 5280 section 7.1 would let two spellings pass for one holder.
 */

import { encodeLatin1 } from '../../bytes/text.ts'
import { type DerElement, DerFields, encodingOf, malformed, readChildren, readOid, readText } from '../der/read.ts'
import { TAG } from '../der/tag.ts'
import { writeElement, writeOid, writeSequence, writeSet, writeUtf8 } from '../der/write.ts'

/** Distinguished name: its bytes for comparing, and the parts that people read. */
export interface Name {
  /** RDNSequence, DER. */
  readonly bytes: Uint8Array
  readonly commonName?: string
  readonly organisation?: string
  readonly organisationalUnit?: string
  /** The serialNumber attribute: of a device, or the number of a person at the site. Not the certificate's. */
  readonly serialNumber?: string
  /** Two letters, ISO 3166. */
  readonly country?: string
  /** All attributes in order, as `CN=Room 2, O=General Hospital`; unknown ones by their dotted number. */
  readonly text: string
}

/** The parts from which {@link writeName} makes a name. */
export type NameParts = Pick<Name, 'commonName' | 'organisation' | 'organisationalUnit' | 'serialNumber' | 'country'>

const PARTS = {
  country: { oid: '2.5.4.6', short: 'C' },
  organisation: { oid: '2.5.4.10', short: 'O' },
  organisationalUnit: { oid: '2.5.4.11', short: 'OU' },
  commonName: { oid: '2.5.4.3', short: 'CN' },
  serialNumber: { oid: '2.5.4.5', short: 'serialNumber' },
} satisfies Record<keyof NameParts, { oid: string; short: string }>

const BY_OID = new Map(Object.entries(PARTS).map(([part, { oid, short }]) => [oid, { part, short }]))

/** Reads a Name; of an attribute that comes twice the first counts for its part, and both stand in the text. */
export function readName(element: DerElement): Name {
  const parts: Record<string, string> = {}
  const texts: string[] = []
  for (const relative of readChildren(element)) {
    if (relative.tag !== TAG.set) throw malformed('name is not made of sets', relative.start)
    for (const attribute of readChildren(relative)) {
      const fields = new DerFields(attribute)
      const oid = readOid(fields.take(TAG.oid))
      const value = fields.take()
      fields.finish()
      const known = BY_OID.get(oid)
      if (!known) {
        texts.push(`${oid}=${isText(value) ? readText(value) : '#'}`)
        continue
      }
      const text = readText(value)
      parts[known.part] ??= text
      texts.push(`${known.short}=${text}`)
    }
  }
  return { bytes: encodingOf(element), ...parts, text: texts.join(', ') }
}

/** Writes a Name in the order C, O, OU, CN, serialNumber; leaves out what is undefined. */
export function writeName(parts: NameParts): Uint8Array {
  const relatives: Uint8Array[] = []
  for (const [part, { oid }] of Object.entries(PARTS)) {
    const text = parts[part as keyof NameParts]
    if (text === undefined) continue
    // RFC 5280 appendix A.1: these two are PrintableString, the others UTF8String.
    const isPrintable = part === 'country' || (part === 'serialNumber' && /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text))
    const value = isPrintable ? writeElement(TAG.printableString, encodeLatin1(text)) : writeUtf8(text)
    relatives.push(writeSet(writeSequence(writeOid(oid), value)))
  }
  return writeSequence(...relatives)
}

const TEXT_TAGS: readonly number[] = [
  TAG.utf8String,
  TAG.printableString,
  TAG.ia5String,
  TAG.numericString,
  TAG.visibleString,
  TAG.teletexString,
  TAG.bmpString,
]
const isText = ({ tag }: DerElement): boolean => TEXT_TAGS.includes(tag)
