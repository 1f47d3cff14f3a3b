/** A study file: a toy archive whose map root stands in a toy log. */
import { makeEntry } from '../domain/log/entry.ts'
import { acquired, archiveOf } from '../domain/log/map/testing/toy-archive.ts'
import { signCheckpoint } from '../domain/log/sign-checkpoint.ts'
import type { StudyFile } from '../domain/log/study-file.ts'
import { MerkleTree } from '../formats/merkle/tree.ts'
import { toyEvent, toyEventCrypto, toyLogKeys, toySigned } from './toy-events.ts'

export const TOY_STUDY = '2.25.77'
/** Entries that the map has worked in: its root is the next. */
const BEFORE = 9

export interface ToyStudyOptions {
  /** Who signs the map root; the log unless it is said. */
  readonly signer?: typeof toyLogKeys.ed25519
  /** The map root stands so many entries further to the front than it says to know. */
  readonly ahead?: number
  /** Which study it is asked for. */
  readonly studyInstanceUid?: string
}

/** A study of three images among nine entries, proven in a log of twelve. */
export async function toyStudyFile({
  signer = toyLogKeys.ed25519,
  ahead = 0,
  studyInstanceUid = TOY_STUDY,
}: ToyStudyOptions = {}): Promise<StudyFile> {
  const { hash } = toyEventCrypto
  const archive = await archiveOf([...acquired('2.25.76', BEFORE - 3), ...acquired(TOY_STUDY, 3)])
  const event = { ...toyEvent('map-root'), details: archive.mapRoot } as ReturnType<typeof toyEvent>
  const signed = await toySigned(event, signer)
  const leaf = makeEntry(signed, hash)
  const index = BEFORE - ahead
  const leaves = Array.from({ length: 12 }, (_, i) => (i === index ? leaf : Uint8Array.of(i)))
  const tree = new MerkleTree(hash, leaves)
  const checkpoint = { origin: toyLogKeys.origin, size: tree.size, root: tree.root, extensions: [] }
  return {
    studyInstanceUid,
    statement: signed.payload,
    leaf,
    inclusion: {
      index: BigInt(index),
      hashes: tree.prove(BigInt(index)),
      checkpoint: await signCheckpoint(checkpoint, toyLogKeys, 1_772_532_845n),
    },
    completeness: await archive.proveStudy(studyInstanceUid),
  }
}
