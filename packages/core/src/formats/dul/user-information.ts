/**
 * User information: what both sides of an association say of themselves and negotiate beside presentation contexts.
 *
 * Source: PS3.8 annex D.1 (maximum length), PS3.7 annex D.3.3 (implementation, asynchronous operations, roles, extended
 * negotiation, user identity). Sub-items that are not known here are kept, and written behind the others.
 */
import { type Cursor, malformed, type RawItem } from './cursor.ts'
import { counted, countedText, item, textItem, uint16, uint32 } from './fields.ts'

/** Which roles an association's requestor proposes, or its acceptor grants, for a SOP Class. */
export interface Role {
  readonly sopClassUid: string
  readonly isScu: boolean
  readonly isScp: boolean
}

export interface ExtendedNegotiation {
  readonly sopClassUid: string
  /** Service class application information, as the service class defines it. */
  readonly information: Uint8Array
}

export interface CommonExtendedNegotiation {
  /** 0 in the current edition. */
  readonly version: number
  readonly sopClassUid: string
  readonly serviceClassUid: string
  readonly relatedSopClassUids: readonly string[]
}

export interface UserIdentity {
  /** 1 name, 2 name and passcode, 3 Kerberos ticket, 4 SAML assertion, 5 JSON web token. */
  readonly type: number
  readonly isResponseRequested: boolean
  /** Secret, like the secondary field: never to be shown. */
  readonly primary: Uint8Array
  readonly secondary: Uint8Array
}

/** A sub-item of a type that is not known here. */
export interface UnknownItem {
  readonly type: number
  readonly content: Uint8Array
}

export interface UserInformation {
  /** Longest PDU that this side takes, without the six bytes of its header; 0 for any, null where it does not say. */
  readonly maximumLength: number | null
  readonly implementationClassUid: string | null
  readonly implementationVersion: string | null
  /** Operations under way at once, invoked and performed by the requestor; 0 for any; null is 1 and 1. */
  readonly operations: { readonly invoked: number; readonly performed: number } | null
  readonly roles: readonly Role[]
  readonly extended: readonly ExtendedNegotiation[]
  readonly commonExtended: readonly CommonExtendedNegotiation[]
  /** Of a request. */
  readonly identity: UserIdentity | null
  /** Of an answer: what the server says to the identity. */
  readonly identityResponse: Uint8Array | null
  readonly others: readonly UnknownItem[]
}

/** A side that says nothing of itself; to be spread from. */
export const NO_USER_INFORMATION: UserInformation = {
  maximumLength: null,
  implementationClassUid: null,
  implementationVersion: null,
  operations: null,
  roles: [],
  extended: [],
  commonExtended: [],
  identity: null,
  identityResponse: null,
  others: [],
}

const MAXIMUM_LENGTH = 0x51
const IMPLEMENTATION_CLASS = 0x52
const OPERATIONS = 0x53
const ROLE = 0x54
const IMPLEMENTATION_VERSION = 0x55
const EXTENDED = 0x56
const COMMON_EXTENDED = 0x57
const IDENTITY = 0x58
const IDENTITY_RESPONSE = 0x59

/** Those that may come once; what each sets. */
const SINGLE: Readonly<Record<number, (body: Cursor) => Partial<UserInformation>>> = {
  [MAXIMUM_LENGTH]: (body) => ({ maximumLength: body.uint32() }),
  [IMPLEMENTATION_CLASS]: (body) => ({ implementationClassUid: body.text(body.left) }),
  [OPERATIONS]: (body) => ({ operations: { invoked: body.uint16(), performed: body.uint16() } }),
  [IMPLEMENTATION_VERSION]: (body) => ({ implementationVersion: body.text(body.left) }),
  [IDENTITY]: (body) => ({ identity: readIdentity(body) }),
  [IDENTITY_RESPONSE]: (body) => ({ identityResponse: body.counted() }),
}

/** Reads the content of a User Information item. @throws {FormatError} `pdu_malformed` */
export function parseUserInformation(body: Cursor): UserInformation {
  let found = NO_USER_INFORMATION
  const seen = new Set<number>()
  const roles: Role[] = []
  const extended: ExtendedNegotiation[] = []
  const commonExtended: CommonExtendedNegotiation[] = []
  const others: UnknownItem[] = []
  while (body.left > 0) {
    const sub = body.item()
    const single = SINGLE[sub.type]
    if (single !== undefined) {
      if (seen.has(sub.type)) throw malformed(`sub-item ${sub.type} comes twice`)
      seen.add(sub.type)
      found = { ...found, ...single(sub.body) }
    } else if (sub.type === ROLE) roles.push(readRole(sub.body))
    else if (sub.type === EXTENDED) extended.push(readExtended(sub.body))
    else if (sub.type === COMMON_EXTENDED) commonExtended.push(readCommonExtended(sub))
    else others.push({ type: sub.type, content: sub.body.rest() })
    sub.body.end()
  }
  return { ...found, roles, extended, commonExtended, others }
}

/** Writes the content of a User Information item; the inverse of {@link parseUserInformation}. */
export function formatUserInformation(user: UserInformation): Uint8Array[] {
  const { maximumLength, implementationClassUid, implementationVersion, operations, identity, identityResponse } = user
  const items: Uint8Array[] = []
  if (maximumLength !== null) items.push(item(MAXIMUM_LENGTH, [uint32(maximumLength)]))
  if (implementationClassUid !== null) items.push(textItem(IMPLEMENTATION_CLASS, implementationClassUid))
  if (operations !== null) items.push(item(OPERATIONS, [uint16(operations.invoked), uint16(operations.performed)]))
  for (const { sopClassUid, isScu, isScp } of user.roles) {
    items.push(item(ROLE, [countedText(sopClassUid), Uint8Array.of(Number(isScu), Number(isScp))]))
  }
  if (implementationVersion !== null) items.push(textItem(IMPLEMENTATION_VERSION, implementationVersion))
  for (const { sopClassUid, information } of user.extended) {
    items.push(item(EXTENDED, [countedText(sopClassUid), information]))
  }
  for (const { version, sopClassUid, serviceClassUid, relatedSopClassUids } of user.commonExtended) {
    const related = relatedSopClassUids.map(countedText)
    const count = related.reduce((sum, { length }) => sum + length, 0)
    items.push(
      item(
        COMMON_EXTENDED,
        [countedText(sopClassUid), countedText(serviceClassUid), uint16(count), ...related],
        version,
      ),
    )
  }
  if (identity !== null) {
    const { type, isResponseRequested, primary, secondary } = identity
    items.push(item(IDENTITY, [Uint8Array.of(type, Number(isResponseRequested)), counted(primary), counted(secondary)]))
  }
  if (identityResponse !== null) items.push(item(IDENTITY_RESPONSE, [counted(identityResponse)]))
  for (const { type, content } of user.others) items.push(item(type, [content]))
  return items
}

function readRole(body: Cursor): Role {
  const sopClassUid = body.text(body.uint16())
  return { sopClassUid, isScu: body.uint8() === 1, isScp: body.uint8() === 1 }
}

function readExtended(body: Cursor): ExtendedNegotiation {
  return { sopClassUid: body.text(body.uint16()), information: body.rest() }
}

function readCommonExtended({ reserved, body }: RawItem): CommonExtendedNegotiation {
  const sopClassUid = body.text(body.uint16())
  const serviceClassUid = body.text(body.uint16())
  const relatedLength = body.uint16()
  const end = body.left - relatedLength
  if (end < 0) throw malformed('related SOP Classes end behind their sub-item')
  const relatedSopClassUids: string[] = []
  while (body.left > end) relatedSopClassUids.push(body.text(body.uint16()))
  if (body.left !== end) throw malformed('a related SOP Class ends behind their list')
  // Fields of a later version of this sub-item are not looked at (PS3.7 section D.3.3.6).
  body.take(body.left)
  return { version: reserved, sopClassUid, serviceClassUid, relatedSopClassUids }
}

function readIdentity(body: Cursor): UserIdentity {
  const type = body.uint8()
  const isResponseRequested = body.uint8() === 1
  return { type, isResponseRequested, primary: body.counted(), secondary: body.counted() }
}
