/**
 * Store operation: one C-STORE, from its command to the status that answers it.
 *
 * Source: PS3.4 annex B.2.3 (statuses), PS3.7 section 9.1.1. The data set goes to the intake as it comes, behind File Meta
 * Information made from the command; nothing of it is held here. What is refused is still read to its end, so that the
 * association goes on.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import { formatFileMeta } from '@fiducial/core/formats/dicom/file-meta.ts'
import type { CommandOf } from '@fiducial/core/formats/dimse/command.ts'
import { STATUS } from '@fiducial/core/formats/dimse/status.ts'
import type { IncomingInstance, Intake } from '../services/gateway/ports.ts'
import { isStored, type NegotiationRules } from './negotiate.ts'
import type { AgreedContext, AssociationFacts } from './service.ts'

export type StoreRequest = CommandOf<'c_store_rq'>

export interface StoreCall {
  readonly intake: Intake
  readonly association: AssociationFacts
  readonly context: AgreedContext
  readonly request: StoreRequest
  readonly rules: NegotiationRules
}

/**
 * Letters are wrong in a UID (PS3.5 section 9.1), yet anonymisers put them there: what becomes of such an instance is for
 * the rules of the gateway to say. What could climb folders or break a line is never taken.
 */
const HARMLESS_UID = /^[0-9A-Za-z][0-9A-Za-z.]{0,63}$/

/** How it ended: a status, and a code where it was not stored. */
export type StoreOutcome =
  | { readonly status: 0; readonly instanceId: string; readonly commitMs: number }
  | { readonly status: number; readonly code: string }

export class StoreOperation {
  readonly request: StoreRequest
  readonly transferSyntaxUid: string
  readonly startedAt = performance.now()
  #incoming: IncomingInstance | undefined
  #refusal: { readonly status: number; readonly code: string } | undefined
  #abandoned: Promise<void> | undefined
  #lengthBytes = 0

  constructor({ intake, association, context, request, rules }: StoreCall) {
    this.request = request
    this.transferSyntaxUid = context.transferSyntax
    const { affectedSopClassUid: sopClassUid, affectedSopInstanceUid: sopInstanceUid } = request
    // Devices send objects in the context of another storage class, and archives take them; so it is done here.
    if (!isStored(sopClassUid, rules)) {
      this.#refusal = { status: STATUS.sopClassNotSupported, code: 'sop_class_refused' }
    } else if (!HARMLESS_UID.test(sopInstanceUid)) {
      this.#refusal = { status: STATUS.invalidObjectInstance, code: 'uid_invalid' }
    } else if (!request.hasDataSet) {
      this.#refusal = { status: STATUS.cannotUnderstand, code: 'data_set_missing' }
    } else {
      const { callingAet, calledAet, address, certificate } = association
      const transferSyntaxUid = context.transferSyntax
      this.#try(() => {
        const meta = formatFileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid, sourceAet: callingAet })
        this.#incoming = intake.begin({
          origin: { protocol: 'dimse', callingAet, calledAet, address, peer: certificate },
          sopClassUid,
          sopInstanceUid,
          transferSyntaxUid,
          dataSetStart: meta.length,
        })
        this.#incoming.write(meta)
      })
    }
  }

  /** Of the data set, as far as it has come. */
  get lengthBytes(): number {
    return this.#lengthBytes
  }

  /** The next bytes of the data set; those of a refused one are dropped. */
  write(bytes: Uint8Array): void {
    this.#lengthBytes += bytes.length
    if (this.#refusal === undefined && bytes.length > 0) this.#try(() => this.#incoming?.write(bytes))
  }

  /** As {@link IncomingInstance.room}. */
  room(): Promise<void> | undefined {
    return this.#incoming?.room?.()
  }

  /** The data set has ended. Never rejects. */
  async finish(): Promise<StoreOutcome> {
    if (this.#refusal === undefined && this.#lengthBytes === 0) {
      this.#refuse({ status: STATUS.cannotUnderstand, code: 'data_set_empty' })
    }
    // A peer that is told of a failure finds nothing of the object left.
    await this.#abandoned
    const incoming = this.#incoming
    if (this.#refusal !== undefined || incoming === undefined) {
      return this.#refusal ?? { status: STATUS.processingFailure, code: 'internal' }
    }
    this.#incoming = undefined
    const begun = performance.now()
    try {
      const { id } = await incoming.commit()
      return { status: STATUS.success, instanceId: id, commitMs: performance.now() - begun }
    } catch (error) {
      return refusalFor(error)
    }
  }

  /** The association ended within the data set: nothing of it is kept. Never rejects. */
  async abandon(): Promise<void> {
    const incoming = this.#incoming
    this.#incoming = undefined
    // An abort that fails leaves an unfinished file, which the next sweep of the spool removes.
    await incoming?.abort().catch(() => undefined)
  }

  #try(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#refuse(refusalFor(error))
    }
  }

  #refuse(refusal: { readonly status: number; readonly code: string }): void {
    this.#refusal = refusal
    this.#abandoned = this.abandon()
  }
}

/** Whatever is full or overloaded is out of resources: the sender may try again. */
function refusalFor(error: unknown): { readonly status: number; readonly code: string } {
  if (error instanceof StoreError) return { status: STATUS.outOfResources, code: error.code }
  return { status: STATUS.processingFailure, code: 'internal' }
}
