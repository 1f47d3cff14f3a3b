/**
 * Associate: the requests for an association, and the answers that accept them.
 *
 * Source: PS3.8 sections 9.3.2 (A-ASSOCIATE-RQ) and 9.3.3 (A-ASSOCIATE-AC). Whether titles, contexts and syntaxes are
 * welcome is left to node/dimse. Items of unknown types are passed over, as section 9.3.1 asks.
 */
import { encodeLatin1 } from '../../bytes/text.ts'
import { Cursor, malformed } from './cursor.ts'
import { item, pdu, textItem, uint16 } from './fields.ts'
import {
  formatUserInformation,
  NO_USER_INFORMATION,
  parseUserInformation,
  type UserInformation,
} from './user-information.ts'

/** The DICOM application context (PS3.7 annex A.2.1): the only one there is. */
export const DICOM_APPLICATION_CONTEXT = '1.2.840.10008.3.1.1.1'

interface Associate {
  /** Bit field; bit 0 is version 1, the only one there is. */
  readonly protocolVersion: number
  /** 0 to 16 characters, without spaces around them. In an answer without meaning: a copy of the request's. */
  readonly calledAet: string
  readonly callingAet: string
  readonly applicationContext: string
  readonly user: UserInformation
}

export interface ProposedContext {
  /** Odd, 1 to 255. */
  readonly id: number
  readonly abstractSyntax: string
  /** One or more, in the order of the request. */
  readonly transferSyntaxes: readonly string[]
}

export interface AssociateRequest extends Associate {
  readonly type: 'associate_rq'
  /** 1 to 128, each with an id of its own. */
  readonly contexts: readonly ProposedContext[]
}

/** Acceptance, and why a context is refused (PS3.8 table 9-18). */
export const CONTEXT_RESULTS = {
  accepted: 0,
  userRejection: 1,
  noReason: 2,
  abstractSyntaxNotSupported: 3,
  transferSyntaxesNotSupported: 4,
} as const

export interface AnsweredContext {
  readonly id: number
  /** One of {@link CONTEXT_RESULTS}. */
  readonly result: number
  /** The one that was chosen; without meaning where the context is refused, null where it is missing there. */
  readonly transferSyntax: string | null
}

export interface AssociateAccept extends Associate {
  readonly type: 'associate_ac'
  readonly contexts: readonly AnsweredContext[]
}

const REQUEST = 0x01
const ACCEPT = 0x02
const APPLICATION_CONTEXT = 0x10
const PROPOSED_CONTEXT = 0x20
const ANSWERED_CONTEXT = 0x21
const ABSTRACT_SYNTAX = 0x30
const TRANSFER_SYNTAX = 0x40
const USER_INFORMATION = 0x50

/** Reads the content of an A-ASSOCIATE-RQ, behind its length. @throws {FormatError} `pdu_malformed` */
export function parseAssociateRequest(content: Uint8Array): AssociateRequest {
  const { contexts, ...rest } = parseAssociate(content, PROPOSED_CONTEXT, readProposed)
  if (contexts.length === 0) throw malformed('no presentation context')
  return { type: 'associate_rq', ...rest, contexts }
}

/** Reads the content of an A-ASSOCIATE-AC, behind its length. @throws {FormatError} `pdu_malformed` */
export function parseAssociateAccept(content: Uint8Array): AssociateAccept {
  return { type: 'associate_ac', ...parseAssociate(content, ANSWERED_CONTEXT, readAnswered) }
}

/** Writes a whole A-ASSOCIATE-RQ. @throws {RangeError} for what does not fit its fields */
export function formatAssociateRequest(request: AssociateRequest): Uint8Array {
  const contexts = request.contexts.map(({ id, abstractSyntax, transferSyntaxes }) =>
    item(PROPOSED_CONTEXT, [
      Uint8Array.of(id, 0, 0, 0),
      textItem(ABSTRACT_SYNTAX, abstractSyntax),
      ...transferSyntaxes.map((uid) => textItem(TRANSFER_SYNTAX, uid)),
    ]),
  )
  return formatAssociate(REQUEST, request, contexts)
}

/** Writes a whole A-ASSOCIATE-AC. @throws {RangeError} for what does not fit its fields */
export function formatAssociateAccept(accept: AssociateAccept): Uint8Array {
  const contexts = accept.contexts.map(({ id, result, transferSyntax }) => {
    const syntax = transferSyntax === null ? [] : [textItem(TRANSFER_SYNTAX, transferSyntax)]
    return item(ANSWERED_CONTEXT, [Uint8Array.of(id, 0, result, 0), ...syntax])
  })
  return formatAssociate(ACCEPT, accept, contexts)
}

function parseAssociate<Context extends { readonly id: number }>(
  content: Uint8Array,
  contextType: number,
  readContext: (body: Cursor) => Context,
): Associate & { readonly contexts: readonly Context[] } {
  const cursor = new Cursor(content)
  const protocolVersion = cursor.uint16()
  cursor.take(2)
  const calledAet = cursor.text(16)
  const callingAet = cursor.text(16)
  cursor.take(32)
  let applicationContext: string | undefined
  let user: UserInformation | undefined
  const contexts = new Map<number, Context>()
  while (cursor.left > 0) {
    const { type, body } = cursor.item()
    if (type === APPLICATION_CONTEXT) {
      if (applicationContext !== undefined) throw malformed('two application contexts')
      applicationContext = body.text(body.left)
    } else if (type === contextType) {
      const context = readContext(body)
      if (context.id % 2 === 0 || contexts.has(context.id)) throw malformed(`context id ${context.id}`)
      contexts.set(context.id, context)
    } else if (type === USER_INFORMATION) {
      if (user !== undefined) throw malformed('two user information items')
      user = parseUserInformation(body)
    }
  }
  if (applicationContext === undefined) throw malformed('no application context')
  return {
    protocolVersion,
    calledAet,
    callingAet,
    applicationContext,
    contexts: [...contexts.values()],
    user: user ?? NO_USER_INFORMATION,
  }
}

function formatAssociate(type: number, associate: Associate, contexts: readonly Uint8Array[]): Uint8Array {
  const { protocolVersion, calledAet, callingAet, applicationContext, user } = associate
  return pdu(type, [
    uint16(protocolVersion),
    new Uint8Array(2),
    formatTitle(calledAet),
    formatTitle(callingAet),
    new Uint8Array(32),
    textItem(APPLICATION_CONTEXT, applicationContext),
    ...contexts,
    item(USER_INFORMATION, formatUserInformation(user)),
  ])
}

function readProposed(body: Cursor): ProposedContext {
  const id = body.uint8()
  body.take(3)
  let abstractSyntax: string | undefined
  const transferSyntaxes: string[] = []
  while (body.left > 0) {
    const sub = body.item()
    if (sub.type === ABSTRACT_SYNTAX) {
      if (abstractSyntax !== undefined) throw malformed(`context ${id} has two abstract syntaxes`)
      abstractSyntax = sub.body.text(sub.body.left)
    } else if (sub.type === TRANSFER_SYNTAX) transferSyntaxes.push(sub.body.text(sub.body.left))
  }
  if (abstractSyntax === undefined || transferSyntaxes.length === 0) throw malformed(`context ${id} lacks a syntax`)
  return { id, abstractSyntax, transferSyntaxes }
}

function readAnswered(body: Cursor): AnsweredContext {
  const id = body.uint8()
  body.take(1)
  const result = body.uint8()
  body.take(1)
  let transferSyntax: string | null = null
  while (body.left > 0) {
    const sub = body.item()
    if (sub.type !== TRANSFER_SYNTAX) continue
    if (transferSyntax !== null) throw malformed(`context ${id} has two transfer syntaxes`)
    transferSyntax = sub.body.text(sub.body.left)
  }
  const isAccepted = result === CONTEXT_RESULTS.accepted
  if (isAccepted && transferSyntax === null) throw malformed(`context ${id} lacks its transfer syntax`)
  return { id, result, transferSyntax }
}

function formatTitle(title: string): Uint8Array {
  if (title.length > 16) throw new RangeError('an AE title has at most 16 characters')
  return encodeLatin1(title.padEnd(16, ' '))
}
