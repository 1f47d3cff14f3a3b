/**
 * Gateway log: the custody log of the site as a gateway records in it, made where there is none.
 */
import type { Seal } from '@fiducial/core/domain/seal/seal.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { KeyRing, RingOptions } from '../keys/key-ring.ts'
import { custodyEvents } from '../services/gateway/custody-events.ts'
import type { GatewayLog } from '../services/gateway/gateway.ts'
import { ReopeningLog } from '../services/gateway/reopening-log.ts'
import type { OpenSiteLog } from '../services/log/log-access.ts'
import type { LogView } from '../services/log/log-view.ts'
import type { RecordStore } from '../services/log/ports.ts'
import { logFolder, openLogReader } from './log-reader.ts'
import { createSiteLog, findSiteLog, openSiteLog } from './site-log.ts'

/** For a command that is about to end; beyond it, the gateway starts without the log, and events wait. */
const FIRST_WAIT_MS = 2_000

export interface OpenGatewayLog extends AsyncDisposable {
  readonly origin: string
  readonly folder: string
  readonly gatewayLog: GatewayLog
  /** Records a seal that a device handed over. */
  recordSeal(seal: Seal): Promise<void>
  /** The log as others see it. */
  view(): Promise<LogView | undefined>
  readonly records: Pick<RecordStore, 'payload'>
}

/**
 * @param onFailure  told of timestamp authorities that failed
 * Where another process appends, it is opened later: nothing is recorded until then.
 * @throws {StoreError} what recovery says; {KeyError}
 */
export async function openGatewayLog(
  home: string,
  ring: KeyRing,
  options: RingOptions & { readonly signal: AbortSignal; readonly onFailure: (error: unknown) => void },
): Promise<OpenGatewayLog> {
  const facts = findSiteLog(home) ?? (await createSiteLog(home, ring))
  const { onFailure, ...opening } = options
  const open = async (waitMs: number) => openedLog(await openSiteLog(home, { ...opening, waitMs }), onFailure)
  const log = new ReopeningLog(await unlessLocked(open(FIRST_WAIT_MS)), () => open(0))
  const reader = await openLogReader(logFolder(home))
  return {
    origin: facts.origin,
    folder: facts.folder,
    gatewayLog: {
      events: log,
      async describe() {
        const view = await reader.view()
        const isWitnessed = view?.quorum.state === 'witnessed'
        const size = log.opened?.open.site.log.state.size ?? view?.size ?? 0n
        return { origin: facts.origin, size, isWitnessed }
      },
    },
    recordSeal: async (seal) => void (await (await log.current()).open.site.recorder.recordSeal(seal)),
    view: () => reader.view(),
    records: { payload: async (index) => (await log.current()).open.ports.records.payload(index) },
    [Symbol.asyncDispose]: () => closeBoth(log, reader),
  }
}

async function unlessLocked<T>(opening: Promise<T>): Promise<T | undefined> {
  try {
    return await opening
  } catch (error) {
    if (error instanceof StoreError && error.code === 'log_locked') return undefined
    throw error
  }
}

/** A log that is open, as one that can be opened again. */
function openedLog(open: OpenSiteLog, onFailure: (error: unknown) => void) {
  const { facts, site } = open
  const newsSite = {
    origin: facts.origin,
    recorder: { id: facts.holder, name: facts.origin },
    isDemo: facts.isDemo,
  }
  const events = custodyEvents({ recorder: site.recorder, settle: () => site.settle() }, newsSite, onFailure)
  return { open, events, [Symbol.asyncDispose]: () => open[Symbol.asyncDispose]() }
}

async function closeBoth(log: { close(): Promise<void> }, reader: AsyncDisposable): Promise<void> {
  try {
    await reader[Symbol.asyncDispose]()
  } finally {
    await log.close()
  }
}
