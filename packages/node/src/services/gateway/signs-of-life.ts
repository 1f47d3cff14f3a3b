/**
 * Signs of life: tells a sender that is slow from one that hangs, by whether it reads the file that it sends.
 */
import type { SpooledFile } from './ports.ts'

/** Counts what a sender does. */
export interface Life {
  signs: number
}

/** A file of which each read is a sign of life. */
export function watched(file: SpooledFile, life: Life): SpooledFile {
  return {
    length: file.length,
    isInMemory: file.isInMemory,
    view(start, end) {
      life.signs++
      return file.view(start, end)
    },
    *chunks(start, end) {
      for (const chunk of file.chunks(start, end)) {
        life.signs++
        yield chunk
      }
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  }
}

/** What a promise resolves to; undefined once there was no sign of life for so long as one waits. */
export async function whileAlive<T>(
  promise: Promise<T>,
  life: Life,
  wait: (signal: AbortSignal) => Promise<void>,
): Promise<T | undefined> {
  for (;;) {
    const { signs } = life
    const result = await within(promise, wait)
    if (result !== undefined || life.signs === signs) return result
  }
}

/** What a promise resolves to; undefined once one has waited. */
async function within<T>(promise: Promise<T>, wait: (signal: AbortSignal) => Promise<void>): Promise<T | undefined> {
  const settled = new AbortController()
  try {
    return await Promise.race([promise, wait(settled.signal).then(() => undefined)])
  } finally {
    settled.abort()
    promise.catch(() => undefined)
  }
}
