/** Messages: instances, destinations and the state of a gateway as the web API tells of them. */
import type {
  CallerMessage,
  DeliveryMessage,
  DestinationMessage,
  InstanceMessage,
  StatusMessage,
  SweepsMessage,
} from '@fiducial/core/api/gateway.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { ROLES } from '@fiducial/core/domain/access/roles.ts'
import type { Caller } from '@fiducial/core/domain/access/token.ts'
import type { SiteSweepsStatus } from '../../services/audit/site-sweeps.ts'
import type { DestinationStatus, GatewayStatus } from '../../services/gateway/control.ts'
import type { StoredDelivery, StoredInstance } from '../../services/gateway/ports.ts'

const momentOrNull = (date: Date | null): string | null => date?.toISOString() ?? null

export function toInstanceMessage(stored: StoredInstance): InstanceMessage {
  const { id, state, origin, lengthBytes, route, reasons, verdict, releaseAskedBy } = stored
  const { sopClassUid, sopInstanceUid, studyInstanceUid, transferSyntaxUid } = stored
  return {
    ...{ id, state, origin, lengthBytes, route, reasons, verdict, releaseAskedBy },
    // What was read goes before what the sender said.
    sopClassUid: stored.description?.instance.sopClassUid ?? sopClassUid,
    sopInstanceUid: stored.description?.instance.sopInstanceUid ?? sopInstanceUid,
    studyInstanceUid: stored.description?.instance.studyInstanceUid ?? studyInstanceUid,
    transferSyntaxUid: stored.description?.instance.transferSyntaxUid ?? transferSyntaxUid,
    receivedAt: stored.receivedAt.toISOString(),
    judgedAt: momentOrNull(stored.judgedAt),
    doneAt: momentOrNull(stored.doneAt),
    sha256: encodeHex(stored.sha256),
    isSealedHere: stored.sealed !== null,
    deliveries: stored.deliveries.map(toDeliveryMessage),
  }
}

function toDeliveryMessage(delivery: StoredDelivery): DeliveryMessage {
  const { id, destination, state, attempts, lastError } = delivery
  return {
    ...{ id, destination, state, attempts, lastError },
    dueAt: delivery.dueAt.toISOString(),
    sentAt: momentOrNull(delivery.sentAt),
    committedAt: momentOrNull(delivery.committedAt),
  }
}

function toDestinationMessage({ nextAttemptAt, lastSentAt, ...destination }: DestinationStatus): DestinationMessage {
  return { ...destination, nextAttemptAt: momentOrNull(nextAttemptAt), lastSentAt: momentOrNull(lastSentAt) }
}

/** What a gateway is, beside what it is doing. */
export type Identity = Pick<StatusMessage, 'version' | 'isDemo' | 'aeTitle'>

export function toStatusMessage(status: GatewayStatus, identity: Identity): StatusMessage {
  const { startedAt, isReady, alarms, notLookedAt, counts, spoolFreeBytes, log, routes, destinations } = status
  const { oldestReceivedAt, oldestDueAt, ...counted } = counts
  return {
    ...identity,
    ...{ isReady, alarms, notLookedAt, spoolFreeBytes },
    startedAt: startedAt.toISOString(),
    counts: counted,
    oldestReceivedAt: momentOrNull(oldestReceivedAt),
    oldestDueAt: momentOrNull(oldestDueAt),
    log: log && { ...log, size: String(log.size) },
    routes: { ...routes, sha256: encodeHex(routes.sha256), loadedAt: routes.loadedAt.toISOString() },
    destinations: destinations.map(toDestinationMessage),
  }
}

export const toCallerMessage = ({ person, name, role }: Caller): CallerMessage => ({
  ...{ person, name, role },
  permissions: ROLES[role],
})

export function toSweepsMessage({ target, isRunning, nextAt, last }: SiteSweepsStatus): SweepsMessage {
  return {
    ...{ target, isRunning },
    nextAt: momentOrNull(nextAt),
    last: last && {
      startedAt: last.startedAt.toISOString(),
      endedAt: last.endedAt.toISOString(),
      error: last.error,
      standings: last.summary && { ...last.summary.standings },
      findings: (last.summary?.counts ?? []).map(({ code, severity, count, fresh }) => ({
        code,
        severity,
        count,
        fresh,
      })),
    },
  }
}
