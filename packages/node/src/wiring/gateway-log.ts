/**
 * Gateway log: the custody log of the site as a gateway records in it, made where there is none.
 */
import type { Seal } from '@fiducial/core/domain/seal/seal.ts'
import type { KeyRing, RingOptions } from '../keys/key-ring.ts'
import { custodyEvents } from '../services/gateway/custody-events.ts'
import type { GatewayLog } from '../services/gateway/gateway.ts'
import { ReopeningLog } from '../services/gateway/reopening-log.ts'
import type { OpenSiteLog } from '../services/log/log-access.ts'
import type { LogView } from '../services/log/log-view.ts'
import type { RecordStore } from '../services/log/ports.ts'
import { logFolder, openLogReader } from './log-reader.ts'
import { createSiteLog, findSiteLog, openSiteLog } from './site-log.ts'

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
 * @throws {StoreError} `log_locked` where another process appends; what recovery says; {KeyError}
 */
export async function openGatewayLog(
  home: string,
  ring: KeyRing,
  options: RingOptions & { readonly signal: AbortSignal; readonly onFailure: (error: unknown) => void },
): Promise<OpenGatewayLog> {
  if (findSiteLog(home) === undefined) await createSiteLog(home, ring)
  const { onFailure, ...opening } = options
  const open = async () => openedLog(await openSiteLog(home, opening), onFailure)
  const first = await open()
  const log = new ReopeningLog(first, open)
  const reader = await openLogReader(logFolder(home))
  const { facts } = first.open
  return {
    origin: facts.origin,
    folder: facts.folder,
    gatewayLog: {
      events: log,
      async describe() {
        const [view, { open }] = await Promise.all([reader.view(), log.current()])
        const isWitnessed = view?.quorum.state === 'witnessed'
        return { origin: facts.origin, size: open.site.log.state.size, isWitnessed }
      },
    },
    recordSeal: async (seal) => void (await (await log.current()).open.site.recorder.recordSeal(seal)),
    view: () => reader.view(),
    records: { payload: async (index) => (await log.current()).open.ports.records.payload(index) },
    [Symbol.asyncDispose]: () => closeBoth(log, reader),
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
