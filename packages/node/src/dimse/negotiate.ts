/**
 * Negotiate: which contexts, roles and limits of a request are granted. Pure.
 *
 * Source: PS3.8 section 7.1, PS3.7 annex D.3.3, PS3.4 annex B. Every storage SOP Class is taken, unknown and private ones
 * too, in any transfer syntax: the bytes are never decoded on their way in. Who may associate is left to admission.
 */
import { IMPLEMENTATION_CLASS_UID } from '@fiducial/core/formats/dicom/encode.ts'
import { IMPLEMENTATION_VERSION } from '@fiducial/core/formats/dicom/file-meta.ts'
import {
  type AnsweredContext,
  type AssociateAccept,
  type AssociateRequest,
  CONTEXT_RESULTS,
  DICOM_APPLICATION_CONTEXT,
  type ProposedContext,
} from '@fiducial/core/formats/dul/associate.ts'
import { NO_USER_INFORMATION } from '@fiducial/core/formats/dul/user-information.ts'
import type { AgreedContext, ServiceProvider } from './service.ts'

export const VERIFICATION = '1.2.840.10008.1.1'

export interface NegotiationRules {
  readonly services: readonly ServiceProvider[]
  readonly prefer: readonly string[]
  readonly refuse: ReadonlySet<string>
  readonly refusedSopClasses: ReadonlySet<string>
  readonly pduBytes: number
  /** Granted at most as operations under way at once. */
  readonly operations: number
}

export interface Agreement {
  readonly accept: AssociateAccept
  readonly contexts: readonly AgreedContext[]
  /** Operations that the peer may have under way. */
  readonly window: number
}

/** Answers a request whose sender is welcome. */
export function negotiate(request: AssociateRequest, rules: NegotiationRules): Agreement {
  const contexts: AgreedContext[] = []
  const answers = request.contexts.map((proposed): AnsweredContext => {
    const { id, abstractSyntax, transferSyntaxes } = proposed
    const transferSyntax = chooseSyntax(proposed, rules)
    // The syntax of a refused context has no meaning, but the item has to be there (PS3.8 table 9-18).
    if (typeof transferSyntax === 'number') {
      return { id, result: transferSyntax, transferSyntax: transferSyntaxes[0] ?? null }
    }
    const isPeerScp = request.user.roles.some((role) => role.sopClassUid === abstractSyntax && role.isScp)
    contexts.push({ id, abstractSyntax, transferSyntax, isPeerScp })
    return { id, result: CONTEXT_RESULTS.accepted, transferSyntax }
  })
  const window = grantedWindow(request, rules.operations)
  const agreed = new Set(contexts.map(({ abstractSyntax }) => abstractSyntax))
  const { calledAet, callingAet, user } = request
  return {
    contexts,
    window,
    accept: {
      type: 'associate_ac',
      protocolVersion: 1,
      calledAet,
      callingAet,
      applicationContext: DICOM_APPLICATION_CONTEXT,
      contexts: answers,
      user: {
        ...NO_USER_INFORMATION,
        maximumLength: rules.pduBytes,
        implementationClassUid: IMPLEMENTATION_CLASS_UID,
        implementationVersion: IMPLEMENTATION_VERSION,
        // Of operations that we invoke, one is under way at a time.
        operations: user.operations === null ? null : { invoked: window, performed: 1 },
        roles: user.roles.filter(({ sopClassUid }) => agreed.has(sopClassUid)),
      },
    },
  }
}

/** The syntax, or the result that refuses the context. */
function chooseSyntax({ abstractSyntax, transferSyntaxes }: ProposedContext, rules: NegotiationRules): string | number {
  const offered = transferSyntaxes.filter((uid) => isUid(uid) && !rules.refuse.has(uid))
  const provider = rules.services.find((service) => service.takes(abstractSyntax))
  if (provider?.chooseSyntax !== undefined) {
    return provider.chooseSyntax(offered) ?? CONTEXT_RESULTS.transferSyntaxesNotSupported
  }
  if (provider === undefined && !isTakenHere(abstractSyntax, rules)) return CONTEXT_RESULTS.abstractSyntaxNotSupported
  const preferred = rules.prefer.find((uid) => offered.includes(uid))
  return preferred ?? offered[0] ?? CONTEXT_RESULTS.transferSyntaxesNotSupported
}

const isTakenHere = (abstractSyntax: string, rules: NegotiationRules): boolean =>
  abstractSyntax === VERIFICATION || isStored(abstractSyntax, rules)

/** Whether objects of a SOP Class are taken. */
export const isStored = (uid: string, { refusedSopClasses }: NegotiationRules): boolean =>
  isStorageClass(uid) && !refusedSopClasses.has(uid)

const DICOM_ROOT = '1.2.840.10008.'
/** Below the root, what stores: composite instances, and those without a patient (PS3.4 annexes B.5 and GG). */
const STORAGE = /^5\.1\.4\.(?:1\.1\.\d|34\.7$|34\.10$|38\.1$|39\.1$|43\.1$|44\.1$|45\.1$)|^5\.1\.1\.(?:27|29|30)$/
/** Query and retrieval of approved protocols and of inventories lie among the storage classes (PS3.6 table A-1). */
const NOT_STORAGE = /^5\.1\.4\.1\.1\.(?:200\.[456]|201\.[2-6])$/

/** Whether a SOP Class is stored; private ones are, whatever they are for. */
export function isStorageClass(uid: string): boolean {
  if (!isUid(uid)) return false
  if (!uid.startsWith(DICOM_ROOT)) return true
  const below = uid.slice(DICOM_ROOT.length)
  return STORAGE.test(below) && !NOT_STORAGE.test(below)
}

/** Digits between dots, up to 64 characters; leading zeros are wrong, but devices have them (PS3.5 section 9.1). */
export const isUid = (text: string): boolean => text.length <= 64 && /^\d+(?:\.\d+)+$/.test(text)

function grantedWindow({ user }: AssociateRequest, most: number): number {
  if (user.operations === null) return 1
  const { invoked } = user.operations
  return invoked === 0 ? most : Math.min(invoked, most)
}
