/**
 * Mark frame: both layers of the mark on the components of one frame, and off again.
 *
 * Source: docs/reference/mark.md. Chips come first, tiles over them: those of the first component carry what takes the chips off. Where
 * the tiles have no room for that, the frame goes without chips.
 */
import { FormatError } from '../../errors.ts'
import type { Plane } from '../pixels/plane.ts'
import { type ChipLimits, embedChips } from './chips/embed-chips.ts'
import type { View } from './chips/look.ts'
import { removeChips } from './chips/paint.ts'
import type { ChipReport } from './chips/report.ts'
import type { MarkHeader } from './header.ts'
import type { PlaneRecord } from './record.ts'
import { digestPlane } from './tiles/digest-plane.ts'
import { embedPlane, type TileMeans } from './tiles/embed-plane.ts'

/** Chips that are to be put on. */
export interface ChipOrder {
  /** 32 bytes. */
  readonly key: Uint8Array
  readonly views: readonly View[]
  readonly limits: ChipLimits
}

export interface FrameOrder {
  /** 32 bytes, of this image. */
  readonly imageKey: Uint8Array
  /** What all planes of the image say. */
  readonly header: Omit<MarkHeader, 'hasChips' | 'plane'>
  /** From 0. */
  readonly frame: number
  /** Absent for tiles alone. */
  readonly chips?: ChipOrder | undefined
  /** Ed25519 with the signature seed of the device. @returns 64 bytes */
  sign(message: Uint8Array): Uint8Array
}

export interface MarkedFrame {
  readonly planes: readonly Plane[]
  /** What is kept of each plane. */
  readonly records: readonly PlaneRecord[]
  /** How strong the chips are; absent where there are none. */
  readonly report?: ChipReport
}

/**
 * Marks the components of one frame.
 * @throws {FormatError} `mark_no_capacity`; {RangeError} as {@link embedPlane}
 */
export function markFrame(planes: readonly Plane[], order: FrameOrder, means: TileMeans): MarkedFrame {
  const { chips, header } = order
  const chipped = chips === undefined ? undefined : embedChips(planes, { ...chips, id: header.recordId })
  const marked = chipped === undefined ? undefined : tryTiles(chipped.planes, chipped.side, order, means)
  if (chipped === undefined || marked === undefined) return putTiles(planes, NO_SIDE, order, means)
  return { ...marked, report: chipped.report }
}

/**
 * Takes chips off the components of one frame whose tiles are off already.
 * @param side  as the tiles of the first component carried it; empty without chips
 * @throws {RangeError} as {@link removeChips}
 */
export const takeChipsOff = (planes: readonly Plane[], key: Uint8Array, side: Uint8Array): readonly Plane[] =>
  side.length === 0 ? planes : removeChips(planes, { key, side })

const NO_SIDE = new Uint8Array(0)

/** Undefined where the tiles have no room for the side information. */
function tryTiles(
  planes: readonly Plane[],
  side: Uint8Array,
  order: FrameOrder,
  means: TileMeans,
): MarkedFrame | undefined {
  try {
    const marked = putTiles(planes, side, order, means)
    return marked.records[0]?.bytesPerTile === 0 ? undefined : marked
  } catch (error) {
    if (error instanceof FormatError && error.code === 'mark_no_capacity') return undefined
    throw error
  }
}

function putTiles(planes: readonly Plane[], side: Uint8Array, order: FrameOrder, means: TileMeans): MarkedFrame {
  const made = planes.map((plane, component) =>
    putOnPlane(plane, component === 0 ? side : NO_SIDE, order.frame * planes.length + component, order, means),
  )
  return { planes: made.map(({ plane }) => plane), records: made.map(({ record }) => record) }
}

function putOnPlane(plane: Plane, side: Uint8Array, number: number, order: FrameOrder, means: TileMeans) {
  const hasChips = side.length > 0
  let signature: Uint8Array = NO_SIDE
  const sign = (message: Uint8Array): Uint8Array => {
    signature = order.sign(message)
    return signature
  }
  const header = { ...order.header, hasChips, plane: number }
  const marked = embedPlane(plane, { imageKey: order.imageKey, header, side, sign }, means)
  const { tileSize, bytesPerTile, syndromes } = marked
  const digest = digestPlane(means.hash, marked.plane)
  const record: PlaneRecord = { tileSize, bytesPerTile, hasChips, signature, digest, syndromes }
  return { plane: marked.plane, record }
}
