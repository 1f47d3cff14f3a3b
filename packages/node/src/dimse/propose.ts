/**
 * Propose: what we ask for when we open an association, and what the peer has agreed to. Pure.
 *
 * Source: PS3.8 section 9.3.2 and 9.3.3, PS3.7 annex D.3.3 (roles, asynchronous operations).
 */
import { IMPLEMENTATION_CLASS_UID } from '@fiducial/core/formats/dicom/encode.ts'
import { IMPLEMENTATION_VERSION } from '@fiducial/core/formats/dicom/file-meta.ts'
import {
  type AssociateAccept,
  type AssociateRequest,
  CONTEXT_RESULTS,
  DICOM_APPLICATION_CONTEXT,
} from '@fiducial/core/formats/dul/associate.ts'
import { DEFAULT_PDU_LIMITS } from '@fiducial/core/formats/dul/pdu-reader.ts'
import { NO_USER_INFORMATION } from '@fiducial/core/formats/dul/user-information.ts'
import type { RemoteNode } from './remote-node.ts'

/** PS3.8 section 7.1.1.13: at most 128 presentation contexts, with odd ids. */
export const CONTEXTS_PER_ASSOCIATION = 128
/** A presentation context that we ask for. */
export interface Proposal {
  readonly abstractSyntax: string
  /** One or more, in the order in which we like them. */
  readonly transferSyntaxes: readonly string[]
  /** We perform its operations, too: C-STORE for a C-GET, N-EVENT-REPORT for storage commitment. */
  readonly isOwnScp?: boolean
}

/** A presentation context as it was agreed. */
export interface OpenContext {
  readonly id: number
  readonly abstractSyntax: string
  readonly transferSyntax: string
}

export interface Proposals {
  /** 1 to {@link CONTEXTS_PER_ASSOCIATION}. */
  readonly proposals: readonly Proposal[]
  readonly operations?: { readonly invoked: number; readonly performed: number }
}

/** The request for an association; the context of proposal i has the id 2 i + 1. */
export function formatProposal(node: RemoteNode, { proposals, operations }: Proposals): AssociateRequest {
  const scpClasses = proposals.filter(({ isOwnScp }) => isOwnScp).map(({ abstractSyntax }) => abstractSyntax)
  return {
    type: 'associate_rq',
    protocolVersion: 1,
    calledAet: node.calledAet,
    callingAet: node.callingAet,
    applicationContext: DICOM_APPLICATION_CONTEXT,
    contexts: proposals.map(({ abstractSyntax, transferSyntaxes }, i) => ({
      id: 2 * i + 1,
      abstractSyntax,
      transferSyntaxes,
    })),
    user: {
      ...NO_USER_INFORMATION,
      maximumLength: DEFAULT_PDU_LIMITS.dataBytes,
      implementationClassUid: IMPLEMENTATION_CLASS_UID,
      implementationVersion: IMPLEMENTATION_VERSION,
      operations: operations ?? null,
      roles: [...new Set(scpClasses)].map((sopClassUid) => ({ sopClassUid, isScu: false, isScp: true })),
      identity: node.identity ?? null,
    },
  }
}

/** What the peer has agreed to: its contexts, and its answer to each proposal. */
export function readAcceptance(
  proposals: readonly Proposal[],
  accept: AssociateAccept,
): { readonly contexts: readonly OpenContext[]; readonly results: readonly (number | undefined)[] } {
  const answers = new Map(accept.contexts.map((context) => [context.id, context]))
  return {
    results: proposals.map((_, i) => answers.get(2 * i + 1)?.result),
    contexts: proposals.flatMap(({ abstractSyntax, transferSyntaxes }, i) => {
      const answer = answers.get(2 * i + 1)
      const transferSyntax = answer?.transferSyntax ?? null
      if (answer?.result !== CONTEXT_RESULTS.accepted || transferSyntax === null) return []
      // An answer that nobody asked for is none.
      return transferSyntaxes.includes(transferSyntax) ? [{ id: answer.id, abstractSyntax, transferSyntax }] : []
    }),
  }
}
