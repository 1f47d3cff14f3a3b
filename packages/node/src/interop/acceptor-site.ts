/** Acceptor site: an acceptor over an intake in memory, and what it reports, for tests. */
import { type Acceptor, type AcceptorOptions, startAcceptor } from '../dimse/acceptor.ts'
import type { AcceptorEvent } from '../dimse/acceptor-events.ts'
import type { AcceptorSettings } from '../dimse/acceptor-settings.ts'
import type { ServiceProvider } from '../dimse/service.ts'
import { MemoryIntake, type MemoryIntakeOptions } from '../testing/memory-intake.ts'

export type EventOf<Type extends AcceptorEvent['type']> = Extract<AcceptorEvent, { readonly type: Type }>

export interface AcceptorSite {
  readonly acceptor: Acceptor
  readonly intake: MemoryIntake
  readonly events: readonly AcceptorEvent[]
  /** All events of a type so far. */
  readonly eventsOf: <Type extends AcceptorEvent['type']>(type: Type) => readonly EventOf<Type>[]
  /** Waits for the first `count` events of a type, from the beginning on; gives the last of them. */
  readonly event: <Type extends AcceptorEvent['type']>(type: Type, count?: number) => Promise<EventOf<Type>>
}

export interface AcceptorSiteOptions {
  /** Default: everybody may call, by any title. */
  readonly settings?: Partial<AcceptorSettings>
  readonly intake?: MemoryIntakeOptions
  readonly services?: readonly ServiceProvider[]
  readonly resolve?: AcceptorOptions['resolve']
}

/** Starts an acceptor that ends, at once, with the test or suite. */
export async function startAcceptorSite(
  owner: { after(cleanUp: () => Promise<void>): void },
  { settings, intake: intakeOptions, services = [], resolve }: AcceptorSiteOptions = {},
): Promise<AcceptorSite> {
  const events: AcceptorEvent[] = []
  const listeners = new Set<() => void>()
  const intake = new MemoryIntake(intakeOptions)
  const acceptor = await startAcceptor({
    settings: { calledTitles: 'any', callers: 'any', ...settings },
    intake,
    services,
    ...(resolve !== undefined && { resolve }),
    onEvent: (event) => {
      events.push(event)
      for (const listener of listeners) listener()
    },
  })
  owner.after(() => acceptor.stop(0))
  const eventsOf = <Type extends AcceptorEvent['type']>(type: Type) =>
    events.filter((event): event is EventOf<Type> => event.type === type)
  const event = <Type extends AcceptorEvent['type']>(type: Type, count = 1) =>
    new Promise<EventOf<Type>>((found) => {
      const look = (): void => {
        const one = eventsOf(type)[count - 1]
        if (one === undefined) return
        listeners.delete(look)
        found(one)
      }
      listeners.add(look)
      look()
    })
  return { acceptor, intake, events, eventsOf, event }
}
