/**
 * Step back: lets the rest of the process go first: on Linux a thread has a priority of its own.
 */
import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'

const NICENESS = 10

/** Takes what processor time others leave. Does nothing where threads have no priorities of their own. */
export function stepBack(): void {
  try {
    // `1234/task/1240`: proc(5).
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
    if (Number.isInteger(thread) && thread > 0) setPriority(thread, NICENESS)
  } catch {
    // Another system, or one that forbids it.
  }
}
