/** Pause: waits a while, or until a signal says that it is no longer worth it. */
import { setTimeout } from 'node:timers/promises'

/** Resolves after some time, or at once when the signal is or was aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
