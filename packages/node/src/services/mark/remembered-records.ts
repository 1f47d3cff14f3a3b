/**
 * Remembered records: mark records whose beginnings are kept in memory for a while, for whoever looks at many images in a row.
 *
 * A mark that somebody claims is found by its record id and needs no such list: so the list may be some seconds old, and end.
 */
import type { MarkRecords } from './ports.ts'

/** Those that are kept, the newest; older marks are found where they are claimed. */
const HEADS_KEPT = 4096
const KEPT_MS = 10_000

export function rememberRecords(records: MarkRecords, now: () => Date): MarkRecords {
  let known: { readonly until: number; readonly heads: Promise<readonly Uint8Array[]> } | undefined
  const heads = (): Promise<readonly Uint8Array[]> => {
    const at = now().getTime()
    if (known === undefined || at >= known.until) {
      const read = takeSome(records)
      known = { until: at + KEPT_MS, heads: read }
      // What failed once may be read the next time.
      read.catch(() => {
        known = undefined
      })
    }
    return known.heads
  }
  return {
    get: (recordId) => records.get(recordId),
    put: (recordId, bytes) => records.put(recordId, bytes),
    async *heads() {
      yield* await heads()
    },
  }
}

async function takeSome(records: MarkRecords): Promise<readonly Uint8Array[]> {
  const taken: Uint8Array[] = []
  for await (const head of records.heads()) {
    taken.push(head)
    if (taken.length === HEADS_KEPT) break
  }
  return taken
}
