/**
 * Orders: keeps what worklists and modalities said, and finds the order of an image.
 *
 * What it means is decided by domain/gateway/orders. An observation that cannot be kept never holds up the message that
 * it was made of: the face passes that one on regardless.
 */
import {
  bindOrder,
  type OrderBinding,
  type OrderQuestion,
  readPerformedStep,
  readScheduledStep,
  scheduledStepId,
  updatePerformedStep,
} from '@fiducial/core/domain/gateway/orders.ts'
import type { DataSet } from '@fiducial/core/formats/dicom/parse.ts'
import type { OrderStore } from './ports.ts'

export class Orders {
  readonly #store: OrderStore
  readonly #now: () => Date

  constructor(store: OrderStore, now: () => Date) {
    this.#store = store
    this.#now = now
  }

  /** An entry of a worklist went through. @throws {StoreError} */
  async scheduled(dataSet: DataSet): Promise<void> {
    const step = readScheduledStep(dataSet)
    if (step === undefined) return
    await this.#store.put({ kind: 'scheduled', id: scheduledStepId(step), seenAt: this.#now(), step })
  }

  /** A report of a modality, or a change of it, went through and was taken. @throws {StoreError} */
  async performed(sopInstanceUid: string, dataSet: DataSet): Promise<void> {
    const step = readPerformedStep(sopInstanceUid, dataSet)
    const known = await this.#store.get(sopInstanceUid)
    const merged = known?.kind === 'performed' ? updatePerformedStep(known.step, step) : step
    await this.#store.put({ kind: 'performed', id: sopInstanceUid, seenAt: this.#now(), step: merged })
  }

  /** The order of an image; null where none is known. @throws {StoreError} */
  async bind(question: OrderQuestion): Promise<OrderBinding | null> {
    const { studyInstanceUid, accessionNumber } = question
    return bindOrder(question, await this.#store.find({ studyInstanceUid, accessionNumber }))
  }

  /** Forgets what was seen last before a moment: names of operators are kept no longer than they are needed. */
  forget(before: Date): Promise<number> {
    return this.#store.forget(before)
  }
}
