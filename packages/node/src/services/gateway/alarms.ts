/**
 * Alarms: how a gateway and its destinations do, told from counts and from what is away.
 */
import type { DestinationStatus } from './control.ts'
import type { Forwarding, ForwardingTarget } from './forwarding.ts'
import type { Observation } from './observation.ts'
import type { InstanceCounts } from './ports.ts'
import type { Relaying } from './relaying.ts'

export interface AlarmLimits {
  /** Room with which the spool takes no more. */
  readonly fullSpoolBytes: number
  /** Room below which the spool is an alarm. */
  readonly lowSpoolBytes: number
  /** Events that wait for the log, beyond which it is an alarm. */
  readonly laggingEvents: number
}

export const ALARM_LIMITS: AlarmLimits = { fullSpoolBytes: 2 ** 30, lowSpoolBytes: 2 * 2 ** 30, laggingEvents: 1_000 }

/** What stays an alarm until the process ends, since it does not mend itself. */
export class PastTrouble {
  lost = 0
  refused = 0
  defects = 0
  uidReused = 0

  see(observation: Observation): void {
    if (observation.kind === 'lost') this.lost++
    if (observation.kind === 'event_refused') this.refused++
    if (observation.kind === 'trouble' && observation.code === 'defect') this.defects++
    if (observation.kind === 'judged' && observation.reasons.includes('uid_reused')) this.uidReused++
  }
}

/** What alarms are told from. */
interface Conditions {
  readonly counts: InstanceCounts
  readonly destinations: readonly DestinationStatus[]
  readonly past: Readonly<Omit<PastTrouble, 'see'>>
  /** Undefined where the spool knows no bounds. */
  readonly freeBytes: number | undefined
  readonly isExaminerAway: boolean
  readonly hasLog: boolean
  readonly isLogAway: boolean
  readonly areRoutesBroken: boolean
  readonly limits: AlarmLimits
}

/** Codes of what somebody has to look at. */
export function alarmsOf(conditions: Conditions): readonly string[] {
  const { counts, destinations, past, freeBytes: free, limits } = conditions
  const known = new Set(destinations.map(({ name }) => name))
  const isStranded = Object.entries(counts.destinations ?? {}).some(
    ([name, { waiting }]) => waiting > 0 && !known.has(name),
  )
  const alarms: readonly (readonly [code: string, isUp: boolean])[] = [
    ['spool_full', free !== undefined && free <= limits.fullSpoolBytes],
    ['spool_low', free !== undefined && free < limits.lowSpoolBytes],
    ['examiner_away', conditions.isExaminerAway],
    ['log_missing', !conditions.hasLog],
    ['log_away', conditions.isLogAway],
    ['log_lagging', counts.pendingEvents > limits.laggingEvents],
    ['events_refused', past.refused > 0],
    ['destination_away', destinations.some(({ state }) => state === 'failing')],
    ['destination_unknown', isStranded],
    ['deliveries_dead', counts.deliveries.dead > 0],
    ['quarantine_filled', counts.states.quarantined > 0],
    ['uid_reused', past.uidReused > 0],
    ['instances_lost', past.lost > 0],
    ['routes_malformed', conditions.areRoutesBroken],
    ['defect', past.defects > 0],
  ]
  return alarms.filter(([, isUp]) => isUp).map(([code]) => code)
}

export const mayTakeImages = (alarms: readonly string[]): boolean => !alarms.includes('spool_full')

/** @param relaying  null where no route relays to it */
export function describeDestination(
  { target, standing, isPaused }: Pick<Forwarding, 'target' | 'standing' | 'isPaused'>,
  counts: InstanceCounts,
  relaying: Pick<Relaying, 'standing'> | null,
): DestinationStatus {
  const { waiting = 0, dead = 0 } = counts.destinations?.[target.name] ?? {}
  const { isAway, ...times } = standing
  const isFailing = isAway || (times.lastError !== null && waiting > 0)
  return {
    name: target.name,
    address: addressOf(target.details),
    state: isPaused ? 'paused' : isFailing ? 'failing' : waiting > 0 ? 'waiting' : 'ready',
    waiting,
    dead,
    ...times,
    relay: relaying?.standing(target.name) ?? null,
  }
}

const addressOf = ({ toAet, toAddress }: ForwardingTarget['details']): string =>
  [toAet, toAddress].filter((part) => part !== null).join('@')
