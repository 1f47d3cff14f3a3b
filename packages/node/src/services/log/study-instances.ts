/**
 * Study instances: which images of a study the log knows by now, each from entries that were proven.
 *
 * For the site's own use, beside the images: that these are all is shown to others by the completeness map. An instance
 * whose every statement was erased is not named any more, and so not missed.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { isEntryOf, readEntry } from '@fiducial/core/domain/log/entry.ts'
import { stateAfter } from '@fiducial/core/domain/log/map/facts.ts'
import type { ExpectedInstance } from '@fiducial/core/domain/verdict/judge-study.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { factsOfStatement } from './completeness-facts.ts'
import type { LogView } from './log-view.ts'
import type { RecordStore } from './ports.ts'

/** Entries of a study that are read at once. */
const PAGE = 1000

/**
 * The instances of a study, by SOP Instance UID, without digests.
 * @throws {StoreError} `log_corrupted` if a statement is not the one that its entry stands for
 */
export async function knownInstances(
  studyInstanceUid: string,
  view: LogView,
  { records, crypto }: { readonly records: Pick<RecordStore, 'find' | 'payload'>; readonly crypto: Crypto },
): Promise<readonly ExpectedInstance[]> {
  const known = new Map<string, ExpectedInstance>()
  const term = { kind: 'study', value: studyInstanceUid } as const
  for (let from = 0n; ; ) {
    const indexes = await records.find({ term, from, to: view.size, limit: PAGE })
    for (const index of indexes) {
      const [{ leaf }, payload] = await Promise.all([view.prove(index), records.payload(index)])
      if (!(payload instanceof Uint8Array)) continue
      if (!isEntryOf(readEntry(leaf), payload, crypto.hash)) {
        throw new StoreError('log_corrupted', `the statement of entry ${index} is another one`)
      }
      for (const facts of factsOfStatement(payload)) {
        const state = stateAfter(facts.type)
        if (state === undefined || !('sopInstanceUid' in facts) || facts.studyInstanceUid !== studyInstanceUid) continue
        known.set(facts.sopInstanceUid, { name: facts.sopInstanceUid, digest: null, state })
      }
    }
    const last = indexes.at(-1)
    if (last === undefined || indexes.length < PAGE) return [...known.values()]
    from = last + 1n
  }
}
