/**
 * Examine mark: what the pixels of an image show of a mark, for whoever judges the image.
 *
 * The order of steps: the marks that are claimed, each with the key of its record; then those that are known here and could be in
 * the image: of the same instance, of the same shape, and whichever its chips name. Of tiles that do not hold it is looked where
 * they come from. Cost: bounded, however many records there are. Nothing here can mark.
 */
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import type { LoggedMark } from '@fiducial/core/domain/log/logged-instance.ts'
import { deriveImageKey } from '@fiducial/core/domain/mark/keys.ts'
import { headHasChips, type MarkRecordHead, parseMarkRecordHead } from '@fiducial/core/domain/mark/record.ts'
import type { ImagePixels } from '@fiducial/core/domain/pixels/image-pixels.ts'
import type { MarkEvidence, MarkReading } from '@fiducial/core/domain/verdict/mark-evidence.ts'
import { findMark, readRecord } from './find-mark.ts'
import { GatheredPlanes } from './gathered-planes.ts'
import { locateFrame, type MarkOfImage } from './locate.ts'
import type { MarkDevice, MarkMeans } from './ports.ts'
import { TileTracer } from './tile-tracer.ts'

export interface MarkKeysAtHand {
  readonly devices: readonly MarkDevice[]
  /** Keys of single images, 32 bytes each, as their devices have disclosed them. */
  readonly imageKeys: readonly Uint8Array[]
}

/** Records of images of the same shape that are tried, the newest first, where nothing says which it is. */
const SHAPES_TRIED = 64
/** Devices whose chips are looked for: those that put chips into images last. */
const DEVICES_TRIED = 8

/**
 * @param claims  of marks that may be in the pixels
 * @throws {FormatError} as {@link ImagePixels.read}; {StoreError} as the records do
 */
export async function examineMark(
  pixels: ImagePixels,
  claims: readonly LoggedMark[],
  keys: MarkKeysAtHand,
  means: MarkMeans,
): Promise<MarkEvidence> {
  if (keys.devices.length + keys.imageKeys.length === 0) return claims.length > 0 ? KEY_MISSING : NOT_LOOKED
  const near = await nearRecords(pixels, means)
  const read = (mark: MarkOfImage): Promise<MarkReading | undefined> => readImage(pixels, mark, near.known, keys, means)
  const claimed = await marksOfClaims(claims, keys, means)
  for (const mark of claimed) {
    const reading = await read(mark)
    if (reading !== undefined) return reading
  }
  const bounded = { ...means, records: { ...means.records, heads: () => near.heads } }
  const chipDevices = keys.devices.filter(({ id }) => near.chipMakers.has(id))
  const found = await findMark(pixels, keys, bounded, { chipDevices })
  // Chips that lead nowhere may be none.
  if (found?.record === undefined) return isLookedFor(claims, claimed) ? ABSENT : KEY_MISSING
  return (await read(found)) ?? chipsAlone(found)
}

const NOT_LOOKED: MarkEvidence = { state: 'not_looked' }
const KEY_MISSING: MarkEvidence = { state: 'key_missing' }
const ABSENT: MarkEvidence = { state: 'absent' }

/** A key of one image that opens nothing may be that of another image; only with the key of the device a mark is missed. */
const isLookedFor = (claims: readonly LoggedMark[], claimed: readonly MarkOfImage[]): boolean =>
  claims.length === 0 || claimed.some(({ device }) => device !== undefined)

/** Keys of the marks that are claimed. A disclosed key does not say which image it belongs to: its tiles do. */
async function marksOfClaims(
  claims: readonly LoggedMark[],
  { devices, imageKeys }: MarkKeysAtHand,
  means: MarkMeans,
): Promise<readonly MarkOfImage[]> {
  const marks: MarkOfImage[] = []
  for (const { recordId, publicKey } of claims) {
    const record = await readRecord(recordId, means)
    const device = devices.find((known) => equalBytes(known.publicKey, publicKey))
    const own = device && deriveImageKey(means.hash, device.markKey, recordId)
    if (own !== undefined) marks.push({ imageKey: own, recordId, record, device, publicKey })
    for (const imageKey of imageKeys) marks.push({ imageKey, recordId, record, device: undefined, publicKey })
  }
  if (claims.length > 0) return marks
  return imageKeys.map((imageKey) => ({ imageKey, recordId: undefined, record: undefined, device: undefined }))
}

/** Records of images that this one, or tiles of it, could be. */
interface NearRecords {
  readonly heads: AsyncIterable<Uint8Array>
  readonly known: readonly MarkRecordHead[]
  /** Ids of the devices that put chips into images last. */
  readonly chipMakers: ReadonlySet<string>
}

async function nearRecords(pixels: ImagePixels, { records }: MarkMeans): Promise<NearRecords> {
  const bytes: Uint8Array[] = []
  const known: MarkRecordHead[] = []
  const chipMakers = new Set<string>()
  let others = 0
  for await (const one of records.heads()) {
    const { head, hasChips } = readHead(one)
    if (hasChips && chipMakers.size < DEVICES_TRIED) chipMakers.add(head.device)
    const isOwn = head.instanceUid !== null && head.instanceUid === pixels.instanceUid
    if (!isSameShape(head, pixels) || (!isOwn && others++ >= SHAPES_TRIED)) continue
    bytes.push(one)
    known.push(head)
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    yield* bytes
  }
  return { heads: all(), known, chipMakers }
}

interface KnownHead {
  readonly head: MarkRecordHead
  readonly hasChips: boolean
}

/** What is made of each beginning once, for all images: whoever remembers records gives the same ones again. */
const knownHeads = new WeakMap<Uint8Array, KnownHead>()

function readHead(bytes: Uint8Array): KnownHead {
  const read = knownHeads.get(bytes) ?? { head: parseMarkRecordHead(bytes), hasChips: headHasChips(bytes) }
  knownHeads.set(bytes, read)
  return read
}

const isSameShape = (head: MarkRecordHead, { width, height, bits, components }: ImagePixels): boolean =>
  head.width === width && head.height === height && head.bits === bits && head.components === components

/** @returns undefined where no tile of any plane holds under the key */
async function readImage(
  pixels: ImagePixels,
  mark: MarkOfImage,
  known: readonly MarkRecordHead[],
  { devices }: MarkKeysAtHand,
  means: MarkMeans,
): Promise<MarkReading | undefined> {
  // Tiles lie where they were put: an image of another shape has none of them.
  if (mark.record !== undefined && !isSameShape(mark.record, pixels)) return undefined
  const gathered = new GatheredPlanes(mark)
  const tracer = new TileTracer({ mark, known, devices }, means)
  for (let frame = 0; frame < pixels.frames; frame++) {
    const planes = pixels.read(frame)
    const locations = locateFrame(planes, frame, pixels, mark, means)
    gathered.add(locations, await tracer.trace(planes, locations))
  }
  return gathered.reading()
}

/** What chips say where no tile is left: whose picture it is, and nothing of what became of it. */
const chipsAlone = ({ recordId, record, device }: Awaited<ReturnType<typeof findMark>> & object): MarkReading => ({
  state: 'read',
  recordId: encodeHex(recordId),
  by: 'chips',
  ...(record?.instanceUid != null && { instanceUid: record.instanceUid }),
  device: device.id,
  ...(record !== undefined && { markedAt: record.markedAt }),
  tiles: 'absent',
  signature: 'unknown',
  contradictions: [],
  altered: [],
  foreign: [],
})
