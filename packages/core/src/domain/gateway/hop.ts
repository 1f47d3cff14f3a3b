/**
 * Hop: what a system did to an image that went into it and came out again.
 *
 * Three comparisons, from the strictest to the most lenient, tell which kind of system it was: the bytes of the data set,
 * its attributes (tag, VR and value, without padding, group lengths and the way lengths are spelled), and the decoded
 * pixels. No value is kept, only tags.
 */
import type { HashFactory } from '../../bytes/hash.ts'
import { equalBytes } from '../../bytes/text.ts'
import { isPrivateTag, type Tag } from '../../formats/dicom/element.ts'
import type { DataSet, DicomFile } from '../../formats/dicom/parse.ts'
import { describeElements, SALT_BYTES } from '../seal/elements.ts'
import { DATA_SET_TRAILING_PADDING } from '../signature/signable.ts'

/** One side of a hop. */
export interface HopSide {
  readonly file: DicomFile
  /** SHA-256 of the decoded pixels; null where there are none, or they cannot be had exactly. */
  readonly pixels: Uint8Array | null
}

export interface HopChange {
  /** Every byte of the data set is the same. */
  readonly isRawSame: boolean
  /** Every attribute is the same, pixels aside. */
  readonly isCanonicalSame: boolean
  /** `unknown` where one side cannot be decoded. */
  readonly pixels: 'same' | 'changed' | 'unknown'
  readonly isSyntaxSame: boolean
  /** Attributes of the top level, ascending. A sequence counts as one. */
  readonly removed: readonly Tag[]
  readonly added: readonly Tag[]
  readonly changed: readonly Tag[]
}

/** Compares what went in with what came out. Cost: a pass over both data sets. */
export function compareHop(before: HopSide, after: HopSide, hashes: HashFactory): HopChange {
  const [old, now] = [listElements(before.file.dataSet, hashes), listElements(after.file.dataSet, hashes)]
  const removed = [...old.keys()].filter((tag) => !now.has(tag))
  const added = [...now.keys()].filter((tag) => !old.has(tag))
  const changed = [...old].flatMap(([tag, digest]) => (now.has(tag) && now.get(tag) !== digest ? tag : []))
  const isCanonicalSame = removed.length + added.length + changed.length === 0
  return {
    isRawSame: equalBytes(digestRaw(before.file, hashes), digestRaw(after.file, hashes)),
    isCanonicalSame,
    pixels: comparePixels(before.pixels, after.pixels),
    isSyntaxSame: before.file.transferSyntaxUid === after.file.transferSyntaxUid,
    removed: removed.sort(ascending),
    added: added.sort(ascending),
    changed: changed.sort(ascending),
  }
}

/** Those of a private block, creators included. */
export const privateTags = (tags: readonly Tag[]): readonly Tag[] => tags.filter(isPrivateTag)

const ascending = (a: Tag, b: Tag): number => a - b

function comparePixels(before: Uint8Array | null, after: Uint8Array | null): HopChange['pixels'] {
  if (before === null || after === null) return 'unknown'
  return equalBytes(before, after) ? 'same' : 'changed'
}

/** VR and digest of each attribute, as one text. */
function listElements(dataSet: DataSet, hashes: HashFactory): ReadonlyMap<Tag, string> {
  const salt = new Uint8Array(SALT_BYTES)
  return new Map(
    describeElements(dataSet, { hashes, salt })
      .filter(({ tag }) => (tag & 0xffff) !== 0 && tag !== DATA_SET_TRAILING_PADDING)
      .map(({ tag, vr, digest }) => [tag, `${vr} ${digest?.join() ?? ''}`]),
  )
}

function digestRaw({ source, dataSetStart }: DicomFile, hashes: HashFactory): Uint8Array {
  const hash = hashes('sha256')
  for (const chunk of source.chunks(dataSetStart, source.length)) hash.update(chunk)
  return hash.digest()
}
