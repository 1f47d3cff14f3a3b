/**
 * Gateway services: what a gateway serves by DICOM besides storage: queries passed on to the PACS, worklists and procedure steps
 * passed on and observed, storage commitment in both directions.
 */
import { decideCommitment, type SopReference } from '@fiducial/core/domain/gateway/commitment.ts'
import type { DimseDestination } from '@fiducial/core/domain/gateway/destinations.ts'
import type { GatewaySettings } from '@fiducial/core/domain/gateway/settings.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { archiveProxy, orderProxy } from '../dimse/proxies.ts'
import type { ServiceProvider } from '../dimse/service.ts'
import { CommitmentReports, CommitmentService, requestCommitment } from '../dimse/storage-commitment.ts'
import type { Orders } from '../services/gateway/orders.ts'
import type { InstanceStore, Outgoing } from '../services/gateway/ports.ts'
import type { GatewayLogger } from '../telemetry/logger.ts'
import { nodeOf } from './gateway-targets.ts'

export interface ServicesOrder {
  readonly settings: GatewaySettings
  readonly store: InstanceStore
  readonly orders: Orders
  readonly logger: GatewayLogger
}

export interface GatewayServices {
  readonly providers: readonly ServiceProvider[]
  /** Asks a destination to commit to what it was sent, and takes down what it has committed to. */
  askCommitment(destination: DimseDestination, stored: readonly Outgoing[]): void
  close(): Promise<void>
}

/** Instances of one UID that a decision looks at. */
const KEPT_LIMIT = 100

export function openServices({ settings, store, orders, logger }: ServicesOrder): GatewayServices {
  const { dicom, main } = settings
  const reports = new CommitmentReports()
  const stopping = new AbortController()
  const asking = new Set<Promise<void>>()
  const onError = (error: unknown): void =>
    logger.warn('a service could not do its part', {
      part: 'dicom',
      ...(error instanceof StoreError && { code: error.code }),
    })
  const commitment = new CommitmentService({
    reports,
    onError,
    decide: (references) =>
      Promise.all(
        references.map(async (reference) => {
          const kept = await store.list({ sopInstanceUid: reference.sopInstanceUid, limit: KEPT_LIMIT })
          return decideCommitment(reference, kept, dicom.commitment)
        }),
      ),
    nodeOf: (aet) => {
      const node = dicom.reportsTo.find((candidate) => candidate.aet === aet)
      return node && nodeOf(node, settings)
    },
    retrieveAet: dicom.aet,
  })
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
    askCommitment(destination, stored) {
      const asked = ask(destination, stored).catch(onError)
      asking.add(asked)
      void asked.finally(() => asking.delete(asked))
    },
    async close() {
      stopping.abort()
      await commitment.close()
      await Promise.all(asking)
    },
  }

  async function ask(destination: DimseDestination, stored: readonly Outgoing[]): Promise<void> {
    const references: readonly SopReference[] = stored
    const { signal } = stopping
    const { committed } = await requestCommitment(nodeOf(destination, settings), references, reports, { signal })
    const uids = new Set(committed.map(({ sopInstanceUid }) => sopInstanceUid))
    const ids = stored.filter(({ sopInstanceUid }) => uids.has(sopInstanceUid)).map(({ deliveryId }) => deliveryId)
    if (ids.length > 0) await store.committed(ids, new Date())
    if (ids.length < stored.length) {
      const count = stored.length - ids.length
      logger.error('a destination does not commit to all it was sent', {
        part: 'forward',
        destination: destination.name,
        count,
      })
    }
  }
}
