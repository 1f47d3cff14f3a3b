/**
 * Audit participants: who took part in an event, in the roles that the messages of an audit trail have for them.
 *
 * Source: DICOM PS3.15 sections A.5.2.1 to A.5.2.4 for how they are called, A.5.3 for their roles (PS3.16 CID 402).
 */
import { type AccessPoint, type AuditCode, type AuditParticipant, dcm, NOT_STATED, plainText } from './audit-record.ts'
import type { Party } from './event-parts.ts'

interface Share {
  /** Default: false. */
  readonly isRequestor?: boolean
}

const APPLICATION = dcm('110150', 'Application')
const DESTINATION = dcm('110152', 'Destination Role ID')
const SOURCE = dcm('110153', 'Source Role ID')
const DESTINATION_MEDIA = dcm('110154', 'Destination Media')
const SOURCE_MEDIA = dcm('110155', 'Source Media')
/** PS3.16 CID 405: of the media that there are, the one that a path or address is. */
const URI_MEDIUM = dcm('110037', 'URI')

/** Who or what is at the other end of a transfer; null where that is not known. */
export interface Peer {
  readonly aet: string | null
  /** Host, with or without a port, or a URI. */
  readonly address: string | null
}

/** Somebody of whom the event says that they did it. */
export const person = ({ id, name }: Party, share?: Share & { readonly role?: AuditCode }): AuditParticipant => ({
  ...party({ id, name }, share),
  isPerson: true,
  ...(share?.role && { role: share.role }),
})

/** The process that did it. */
export const application = (process: Party, share?: Share): AuditParticipant => party(process, share, APPLICATION)

/** A process of which no more is known than what it is called. */
export const program = (name: string): AuditParticipant => ({
  id: plainText(name),
  isRequestor: false,
  isPerson: false,
  role: APPLICATION,
})

/** Our end of a transfer. */
export const destination = (process: Party, share?: Share): AuditParticipant => party(process, share, DESTINATION)
export const sender = (process: Party, share?: Share): AuditParticipant => party(process, share, SOURCE)
/** The person who lets data go. */
export const sendingPerson = (who: Party): AuditParticipant => person(who, { isRequestor: true, role: SOURCE })
/** Somebody who receives data, by whatever name. */
export const recipient = (name: string): AuditParticipant => ({ ...program(name), role: DESTINATION })

/** The other end of a transfer between application entities. */
export const remoteSender = (peer: Peer): AuditParticipant => remote(peer, SOURCE, true)
export const remoteDestination = (peer: Peer): AuditParticipant => remote(peer, DESTINATION, false)

/** Where data that no application entity sent came from, or went to. */
export const sourceMedia = (peer: Peer): AuditParticipant => medium(peer, SOURCE_MEDIA)
export const destinationMedia = (peer: Peer): AuditParticipant => medium(peer, DESTINATION_MEDIA)
/** Data left on media of which nothing is known. */
export const UNKNOWN_MEDIA: AuditParticipant = {
  id: NOT_STATED,
  isRequestor: false,
  isPerson: false,
  role: DESTINATION_MEDIA,
}

function party({ id, name }: Party, { isRequestor = false }: Share = {}, role?: AuditCode): AuditParticipant {
  return { id: plainText(id), name: plainText(name), isRequestor, isPerson: false, ...(role && { role }) }
}

function remote({ aet, address }: Peer, role: AuditCode, isRequestor: boolean): AuditParticipant {
  return {
    id: plainText(aet ?? address ?? NOT_STATED),
    ...(aet !== null && { alternativeId: `AETITLES=${plainText(aet)}` }),
    isRequestor,
    isPerson: false,
    role,
    ...(address !== null && { accessPoint: accessPointOf(address) }),
  }
}

const medium = (peer: Peer, role: AuditCode): AuditParticipant => ({
  ...remote({ ...peer, aet: null }, role, false),
  id: plainText(peer.address ?? peer.aet ?? NOT_STATED),
  media: URI_MEDIUM,
})

/** A host and port, without the port, for which there is no field. */
function accessPointOf(address: string): AccessPoint {
  if (address.includes('://')) return { id: plainText(address), type: '5' }
  const [, inBrackets, bare] = /^(?:\[([0-9a-f:.%]+)\]|([^:]+))(?::\d{1,5})?$/i.exec(address) ?? []
  const host = inBrackets ?? bare ?? address
  const isAddress = /^\d{1,3}(?:\.\d{1,3}){3}$/.test(host) || /^[0-9a-f.%]*:[0-9a-f:.%]*$/i.test(host)
  return { id: plainText(host), type: isAddress ? '2' : '1' }
}
