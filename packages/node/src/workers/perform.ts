/**
 * Perform: what a thread does with a task, whichever kind it is; also done without a thread where there is little to do.
 */
import type { GatewaySetup, LogCheckSetup, RoomSetup, WorkSetup } from './setup.ts'
import { stepBack } from './step-back.ts'

/** Performs one task. Never rejects: a task that cannot be done is answered with a failure. */
export type Perform = (task: unknown) => Promise<unknown>

/** Readies what the tasks need. Loads only what this kind of task needs. */
export async function openWork(setup: WorkSetup | LogCheckSetup | GatewaySetup | RoomSetup): Promise<Perform> {
  if (setup.kind === 'log-check')
    return (await (await import('./log-check-work.ts')).openLogCheckWork(setup)) as Perform
  if (setup.kind === 'audit') return (await (await import('./audit-work.ts')).openAuditWork(setup)) as Perform
  if (setup.kind === 'gateway') {
    // Senders wait for their answers; what is looked at afterwards, and readied for that, can wait.
    stepBack()
    return (await (await import('./gateway-work.ts')).openGatewayWork(setup)) as Perform
  }
  if (setup.kind === 'room') return (await (await import('./room-work.ts')).openRoomWork(setup)) as Perform
  if (setup.kind === 'watch') return (await (await import('./watch-work.ts')).openWatchWork(setup)) as Perform
  if (setup.kind === 'verify') return (await (await import('./verify-work.ts')).openVerifyWork(setup)) as Perform
  return (await (await import('./seal-work.ts')).openSealWork(setup)) as Perform
}
