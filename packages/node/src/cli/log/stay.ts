/** Stay: a command that runs until somebody stops it, or for a while. */
import { setTimeout } from 'node:timers/promises'
import type { Terminal } from '../terminal.ts'

export interface StayOptions {
  /** Seconds; without it, until somebody stops it. */
  readonly for?: number
}

/** Disposing of it forgets the time. */
export interface Stay extends Disposable {
  /** Set off when it is over. */
  readonly signal: AbortSignal
  /** Resolves when it is over. */
  readonly over: Promise<void>
}

/** Begins now. */
export function openStay({ for: seconds }: StayOptions, { interruption }: Pick<Terminal, 'interruption'>): Stay {
  const time = new AbortController()
  const timer = seconds === undefined ? undefined : globalThis.setTimeout(() => time.abort(), seconds * 1000)
  const signal = AbortSignal.any([interruption, time.signal])
  const over = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  return { signal, over, [Symbol.dispose]: () => clearTimeout(timer) }
}

/** Lets time pass; less where the signal is set off. */
export async function letPass(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
