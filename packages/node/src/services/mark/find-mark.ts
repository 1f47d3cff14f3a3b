/**
 * Find mark: which record an image belongs to, and the key of its tiles.
 *
 * An image does not say which it is: its tiles show nothing without the key of the image, and that is derived from the record id. So
 * the records of images of the same shape are tried, those of the same instance or the same samples first: a few tiles tell. Chips need no such
 * search, and lead to images whose shape has changed.
 */
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { renderGrey } from '@fiducial/core/domain/mark/chips/look.ts'
import { readChips } from '@fiducial/core/domain/mark/chips/read-chips.ts'
import { deriveImageKey, deriveMarkKeys } from '@fiducial/core/domain/mark/keys.ts'
import {
  firstDigestOf,
  type MarkRecord,
  type MarkRecordHead,
  type PlaneRecord,
  parseMarkRecord,
  parseMarkRecordHead,
} from '@fiducial/core/domain/mark/record.ts'
import { digestPlane } from '@fiducial/core/domain/mark/tiles/digest-plane.ts'
import { gridOf, type Tile, takeTile } from '@fiducial/core/domain/mark/tiles/grid.ts'
import { makeKeyTable } from '@fiducial/core/domain/mark/tiles/tile-keys.ts'
import type { ImagePixels } from '@fiducial/core/domain/pixels/image-pixels.ts'
import type { Plane } from '@fiducial/core/domain/pixels/plane.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { MarkDevice, MarkMeans } from './ports.ts'
import { viewsOf } from './views.ts'

/** Whose marks are looked for. */
export interface KnownKeys {
  readonly devices: readonly MarkDevice[]
}

/** A mark that was found. */
export interface FoundMark {
  readonly recordId: Uint8Array
  /** Undefined where chips lead to a record that is not known here. */
  readonly record: MarkRecord | undefined
  /** 32 bytes. */
  readonly imageKey: Uint8Array
  readonly device: MarkDevice
}

/** Tiles that are looked at, spread over a plane. */
const PROBES = 256
/** Records that are tried of which nothing says that the image is theirs, the newest first: some seconds. */
const TRIES = 1000
/** Frames that are looked at. */
const FRAMES_PROBED = 4

/** What a search is limited to. */
export interface SearchLimits {
  /** How many records are tried of images that are neither this instance nor the same samples. */
  readonly tries?: number
  /** Whose chips are looked for; those of all devices, where it is absent. */
  readonly chipDevices?: readonly MarkDevice[]
}

/**
 * @returns undefined where no tile of the first frames is that of a record known here, and no chips are seen
 * @throws {StoreError} as the records do; {FormatError} as {@link ImagePixels.read}
 */
export async function findMark(
  pixels: ImagePixels,
  { devices }: KnownKeys,
  means: MarkMeans,
  { tries = TRIES, chipDevices = devices }: SearchLimits = {},
): Promise<FoundMark | undefined> {
  let tried = 0
  for (const { head, isLikely } of await candidatesIn(pixels, means)) {
    if (!isLikely && tried++ >= tries) break
    const found = await openCandidate(head.recordId, head.device, devices, means)
    if (found !== undefined && hasTileOf(pixels, found, means)) return found
  }
  return findByChips(pixels, chipDevices, means)
}

/**
 * The mark that an image should carry by its SOP Instance UID, of which no tile is left.
 * @throws as {@link findMark}
 */
export async function findExpected(
  pixels: ImagePixels,
  { devices }: KnownKeys,
  means: MarkMeans,
): Promise<FoundMark | undefined> {
  for (const { recordId, device, instanceUid } of await candidatesFor(pixels, means)) {
    const isSame = instanceUid !== null && instanceUid === pixels.instanceUid
    const found = isSame ? await openCandidate(recordId, device, devices, means) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** A record with the keys of its device, where both are known here. */
async function openCandidate(
  recordId: Uint8Array,
  id: string,
  devices: readonly MarkDevice[],
  means: MarkMeans,
): Promise<(FoundMark & { readonly record: MarkRecord }) | undefined> {
  const device = devices.find((known) => known.id === id)
  const record = device && (await readRecord(recordId, means))
  if (device === undefined || record === undefined) return undefined
  return { recordId, record, imageKey: deriveImageKey(means.hash, device.markKey, recordId), device }
}

/** By the record id that the chips of the first frame spell; nobody looks for crops here. */
async function findByChips(
  pixels: ImagePixels,
  devices: readonly MarkDevice[],
  means: MarkMeans,
): Promise<FoundMark | undefined> {
  const { width, height } = pixels
  const planes = pixels.read(0)
  const [view] = viewsOf(planes, pixels)
  const picture = { width, height, samples: renderGrey(planes, view) }
  for (const device of devices) {
    const found = readChips(picture, deriveMarkKeys(means.hash, device.markKey).chips, { isSearching: false })
    if (found === undefined) continue
    const imageKey = deriveImageKey(means.hash, device.markKey, found.id)
    return { recordId: found.id, record: await readRecord(found.id, means), imageKey, device }
  }
  return undefined
}

/** A record; undefined where there is none, or where it is damaged or stands under another id. */
export async function readRecord(
  recordId: Uint8Array,
  { records }: Pick<MarkMeans, 'records'>,
): Promise<MarkRecord | undefined> {
  const bytes = await records.get(recordId)
  try {
    const record = bytes === undefined ? undefined : parseMarkRecord(bytes)
    return record !== undefined && equalBytes(record.recordId, recordId) ? record : undefined
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** A record of an image that this one may be. */
interface Candidate {
  readonly head: MarkRecordHead
  /** It is the record of this instance, or of these very samples. */
  readonly isLikely: boolean
}

async function candidatesIn(
  pixels: ImagePixels,
  { records, hash }: Pick<MarkMeans, 'records' | 'hash'>,
): Promise<readonly Candidate[]> {
  const found: Candidate[] = []
  let digest: Uint8Array | undefined
  for await (const bytes of records.heads()) {
    const head = parseMarkRecordHead(bytes)
    if (!isSameShape(head, pixels)) continue
    const isSame = head.instanceUid !== null && head.instanceUid === pixels.instanceUid
    digest ??= digestPlane(hash, pixels.read(0)[0] as Plane)
    const marked = firstDigestOf(bytes)
    found.push({ head, isLikely: isSame || (marked !== undefined && equalBytes(marked, digest)) })
  }
  return [...found.filter(({ isLikely }) => isLikely), ...found.filter(({ isLikely }) => !isLikely)]
}

/** Records of images of the same shape, those of the same instance or the same samples first. */
export async function candidatesFor(
  pixels: ImagePixels,
  means: Pick<MarkMeans, 'records' | 'hash'>,
): Promise<readonly MarkRecordHead[]> {
  return (await candidatesIn(pixels, means)).map(({ head }) => head)
}

const isSameShape = (head: MarkRecordHead, pixels: ImagePixels): boolean =>
  head.width === pixels.width &&
  head.height === pixels.height &&
  head.bits === pixels.bits &&
  head.components === pixels.components

/** Whether one of some tiles has the sums that the record keeps: quicker than reading it. */
function hasTileOf(
  pixels: ImagePixels,
  { record, imageKey }: { readonly record: MarkRecord; readonly imageKey: Uint8Array },
  means: MarkMeans,
): boolean {
  for (let frame = 0; frame < Math.min(FRAMES_PROBED, pixels.frames, record.frames); frame++) {
    for (const [component, plane] of pixels.read(frame).entries()) {
      const kept = record.planes[frame * record.components + component]
      if (kept !== undefined && isPlaneOf(plane, kept, imageKey, means)) return true
    }
  }
  return false
}

function isPlaneOf(plane: Plane, record: PlaneRecord, imageKey: Uint8Array, means: MarkMeans): boolean {
  const { tiles } = gridOf(plane, record.tileSize)
  const coder = means.createCoder(makeKeyTable(imageKey, record.tileSize))
  const step = Math.max(1, tiles.length / PROBES)
  for (let at = 0; at < tiles.length; at += step) {
    const i = Math.floor(at)
    const [first, second] = coder.sums(takeTile(plane, tiles[i] as Tile))
    if (first === record.syndromes[2 * i] && second === record.syndromes[2 * i + 1]) return true
  }
  return false
}
