/**
 * Gateway services: what a gateway serves by DICOM besides storage: queries passed on to the PACS, worklists and procedure steps
 * passed on and observed, storage commitment in both directions.
 */
import type { DimseDestination } from '@fiducial/core/domain/gateway/destinations.ts'
import type { GatewaySettings } from '@fiducial/core/domain/gateway/settings.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { CommitAfterwards } from '../dimse/commit-afterwards.ts'
import { archiveProxy, orderProxy } from '../dimse/proxies.ts'
import type { ServiceProvider } from '../dimse/service.ts'
import { CommitmentReports, CommitmentService } from '../dimse/storage-commitment.ts'
import { commitmentsBy } from '../services/gateway/decide-commitments.ts'
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

export function openServices({ settings, store, orders, logger }: ServicesOrder): GatewayServices {
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
  const afterwards = new CommitAfterwards({ reports, onCommitted, onError })
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
    askCommitment: (destination, stored) =>
      afterwards.ask(nodeOf(destination, settings), stored, (count) =>
        logger.error('a destination does not commit to all it was sent', {
          part: 'forward',
          destination: destination.name,
          count,
        }),
      ),
    async close() {
      await Promise.all([commitment.close(), afterwards.close()])
    },
  }
}
