/**
 * Gateway services: what a gateway serves by DICOM besides storage: queries passed on to the PACS, worklists and procedure steps
 * passed on and observed, storage commitment in both directions.
 */
import type { Destination, DimseDestination } from '@fiducial/core/domain/gateway/destinations.ts'
import type { GatewaySettings } from '@fiducial/core/domain/gateway/settings.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { CommitAfterwards, type StoredCopy, waitsToAskAgain } from '../dimse/commit-afterwards.ts'
import { CommitmentService } from '../dimse/commitment-service.ts'
import { archiveProxy, orderProxy } from '../dimse/proxies.ts'
import { CommitmentReports } from '../dimse/request-commitment.ts'
import type { ServiceProvider } from '../dimse/service.ts'
import { commitmentsBy } from '../services/gateway/decide-commitments.ts'
import type { Orders } from '../services/gateway/orders.ts'
import type { InstanceStore, Outgoing } from '../services/gateway/ports.ts'
import { uncommittedDeliveries } from '../services/gateway/uncommitted.ts'
import type { GatewayLogger } from '../telemetry/logger.ts'
import { nodeOf } from './gateway-targets.ts'

export interface ServicesOrder {
  readonly settings: GatewaySettings
  readonly store: InstanceStore
  readonly orders: Orders
  readonly logger: GatewayLogger
  /** Sends copies again that a destination has lost. @returns how many */
  readonly resend: (destination: string, deliveryIds: readonly string[]) => Promise<number>
}

export interface GatewayServices {
  readonly providers: readonly ServiceProvider[]
  /** Asks a destination to commit to what it was sent, and takes down what it has committed to. */
  askCommitment(destination: DimseDestination, stored: readonly Outgoing[]): void
  /** Asks again for what an earlier process sent, and no destination has committed to. */
  resume(destinations: Iterable<Destination>): void
  close(): Promise<void>
}

const DAY_MS = 86_400_000
/** A day less than files stay for a commitment that does not come: what turns out to be lost has its file. */
const ASK_AGAIN_MS = 13 * DAY_MS
/** Worklists and reports name operators: they are kept as long as an image may come late. */
const ORDERS_MS = 30 * DAY_MS

export function openServices({ settings, store, orders, logger, resend }: ServicesOrder): GatewayServices {
  const { dicom, main } = settings
  const reports = new CommitmentReports()
  const onError = (error: unknown): void =>
    logger.warn('a service could not do its part', {
      part: 'dicom',
      ...(error instanceof StoreError && { code: error.code }),
    })
  const commitment = new CommitmentService({
    reports,
    onError,
    decide: commitmentsBy(store, dicom.commitment),
    nodeOf: (aet) => {
      const node = dicom.reportsTo.find((candidate) => candidate.aet === aet)
      return node && nodeOf(node, settings)
    },
    retrieveAet: dicom.aet,
  })
  const onCommitted = (ids: readonly string[]): Promise<void> => store.committed(ids, new Date())
  const againMs = waitsToAskAgain(1000 * dicom.commitmentRetrySeconds)
  const afterwards = new CommitAfterwards({ reports, onCommitted, onError, againMs })
  const ask = (destination: DimseDestination, stored: readonly StoredCopy[]): void => {
    const facts = { part: 'forward', destination: destination.name }
    afterwards.ask(nodeOf(destination, settings), stored, {
      onLost: async (copies) => {
        const ids = copies.map(({ deliveryId }) => deliveryId)
        const count = await resend(destination.name, ids)
        if (count > 0) logger.warn('a destination has lost what it took', { ...facts, count })
        return count
      },
      onRefused: (count) => logger.error('a destination does not commit to all it was sent', { ...facts, count }),
    })
  }
  const askAgain = async (destination: DimseDestination): Promise<void> => {
    const since = new Date(Date.now() - ASK_AGAIN_MS)
    for await (const page of uncommittedDeliveries(store, destination.name, since)) {
      ask(
        destination,
        page.map(({ id: deliveryId, sopClassUid, sopInstanceUid }) => ({ deliveryId, sopClassUid, sopInstanceUid })),
      )
    }
  }
  const forget = (): void => void orders.forget(new Date(Date.now() - ORDERS_MS)).catch(onError)
  const forgetting = setInterval(forget, DAY_MS)
  forgetting.unref()
  const { pacs, worklist } = main
  const mayQuery = (aet: string): boolean => dicom.queriers?.includes(aet) ?? true
  return {
    providers: [
      commitment,
      ...(pacs?.protocol === 'dimse'
        ? [
            archiveProxy({
              onError,
              nodeOf: ({ callingAet }) => (mayQuery(callingAet) ? nodeOf(pacs, settings) : undefined),
            }),
          ]
        : []),
      ...(worklist === null ? [] : [orderProxy(orders, { onError, nodeOf: () => nodeOf(worklist, settings) })]),
    ],
    askCommitment: ask,
    resume(destinations) {
      for (const destination of destinations) {
        if (destination.protocol === 'dimse' && destination.commitment) askAgain(destination).catch(onError)
      }
    },
    async close() {
      clearInterval(forgetting)
      await Promise.all([commitment.close(), afterwards.close()])
    },
  }
}
