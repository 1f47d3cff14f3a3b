/** An archive with a few studies, its map and proofs, in memory: for tests. */
import { encodeUtf8 } from '../../../../bytes/text.ts'
import type { MapRootDetails } from '../../event-details.ts'
import { type InstanceFacts, newsOf, type RecordNews, updateRecords } from '../facts.ts'
import { type InstanceProof, placeRecord } from '../instance-proof.ts'
import { blindingKeyOf, instanceKeyOf, studyKeyOf, studySaltOf } from '../keys.ts'
import { proveKey } from '../prove.ts'
import { hashStudy, type MapRecord, summarize } from '../record.ts'
import type { StudyProof } from '../study-proof.ts'
import { hashes, MemoryMap, sha256 } from './plain-map.ts'

export const secret = sha256(encodeUtf8('secret of an archive'))

/** An event of the log about an instance. */
export interface ToyEvent extends Partial<InstanceFacts> {
  readonly studyInstanceUid: string
  readonly sopInstanceUid: string
}

export interface ToyArchive {
  readonly map: MemoryMap
  readonly mapRoot: MapRootDetails
  readonly recordsOf: (studyInstanceUid: string) => readonly MapRecord[]
  readonly saltOf: (studyInstanceUid: string) => Uint8Array
  readonly proveStudy: (studyInstanceUid: string) => Promise<StudyProof>
  readonly proveInstance: (studyInstanceUid: string, sopInstanceUid: string) => Promise<InstanceProof>
}

/** The archive after some events; the index of each is its place in the list. */
export async function archiveOf(events: readonly ToyEvent[], from = secret): Promise<ToyArchive> {
  const blindingKey = blindingKeyOf(hashes, from)
  const keyOf = (uid: string): Uint8Array => studyKeyOf(hashes, blindingKey, uid)
  const saltOf = (uid: string): Uint8Array => studySaltOf(hashes, from, keyOf(uid))
  const studies = new Map<string, readonly MapRecord[]>()
  for (const [i, event] of events.entries()) {
    const uid = event.studyInstanceUid
    const news = newsOf(hashes, saltOf(uid), BigInt(i), factsOf(event)) as RecordNews
    studies.set(uid, updateRecords(studies.get(uid) ?? [], [news]))
  }
  const recordsOf = (uid: string): readonly MapRecord[] => studies.get(uid) ?? []
  const summaryOf = (uid: string) => summarize(hashes, saltOf(uid), recordsOf(uid))
  const map = new MemoryMap()
  await map.apply([...studies.keys()].map((uid) => ({ key: keyOf(uid), value: hashStudy(hashes, summaryOf(uid)) })))
  const state = { size: BigInt(events.length), root: map.root }
  const partsOf = async (uid: string) => {
    const { proof } = await proveKey(hashes, map.read, map.root, keyOf(uid))
    return { blindingKey, map: state, path: proof }
  }
  return {
    map,
    recordsOf,
    saltOf,
    mapRoot: {
      ...state,
      archive: 'main',
      studies: BigInt(studies.size),
      instances: [...studies.keys()].reduce((sum, uid) => sum + summaryOf(uid).present, 0n),
      blinding: sha256(blindingKey),
    },
    async proveStudy(uid) {
      const study = studies.has(uid) ? { salt: saltOf(uid), records: recordsOf(uid) } : null
      return { ...(await partsOf(uid)), study }
    },
    async proveInstance(uid, sopInstanceUid) {
      const key = instanceKeyOf(hashes, saltOf(uid), sopInstanceUid)
      const records = studies.has(uid) ? placeRecord(hashes, recordsOf(uid), key) : []
      return { ...(await partsOf(uid)), study: studies.has(uid) ? summaryOf(uid) : null, records }
    },
  }
}

const factsOf = (event: ToyEvent): InstanceFacts => ({
  type: 'acquired',
  seriesInstanceUid: '2.25.3',
  digest: sha256(encodeUtf8(event.sopInstanceUid)),
  ...event,
})

/** Events that acquire so many instances of a study. */
export const acquired = (studyInstanceUid: string, count: number): readonly ToyEvent[] =>
  Array.from({ length: count }, (_, i) => ({ studyInstanceUid, sopInstanceUid: `${studyInstanceUid}.${i}` }))
