/** Gathered planes: what the readings of all planes of one image come to, as evidence about the image. */
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { regionsOf } from '@fiducial/core/domain/mark/regions.ts'
import type { PlaneReading } from '@fiducial/core/domain/mark/tiles/read-plane.ts'
import type {
  ForeignRegion,
  MarkContradiction,
  MarkReading,
  MarkRegion,
} from '@fiducial/core/domain/verdict/mark-evidence.ts'
import type { MarkOfImage, PlaneLocation } from './locate.ts'

/** Tiles of a frame that come from elsewhere, by their numbers. */
export type ForeignTiles = ReadonlyMap<number, ForeignRegion>

export class GatheredPlanes {
  readonly #mark: MarkOfImage
  readonly #contradictions = new Set<MarkContradiction>()
  readonly #altered: MarkRegion[] = []
  readonly #foreign: ForeignRegion[] = []
  readonly #outcomes = new Set<PlaneReading['outcome']>()
  readonly #signatures = new Set<PlaneReading['signature']>()
  #recordId: Uint8Array | undefined

  constructor(mark: MarkOfImage) {
    this.#mark = mark
    this.#recordId = mark.recordId
  }

  /** Adds the planes of one frame. */
  add(locations: readonly PlaneLocation[], foreign: ForeignTiles): void {
    for (const { reading, contradictions } of locations) {
      this.#outcomes.add(reading.outcome)
      this.#signatures.add(reading.signature)
      for (const one of contradictions) this.#contradictions.add(one)
      this.#recordId ??= reading.header?.recordId
    }
    this.#foreign.push(...foreign.values())
    this.#altered.push(...alteredIn(locations, foreign))
  }

  /** @returns undefined where no tile of any plane holds */
  reading(): MarkReading | undefined {
    const outcomes = [...this.#outcomes]
    if (this.#recordId === undefined || outcomes.every((outcome) => outcome === 'absent')) return undefined
    const { record, device } = this.#mark
    return {
      state: 'read',
      recordId: encodeHex(this.#recordId),
      by: 'tiles',
      ...(record?.instanceUid != null && { instanceUid: record.instanceUid }),
      ...(device !== undefined && { device: device.id }),
      ...(record !== undefined && { markedAt: record.markedAt }),
      tiles: outcomes.every((outcome) => outcome === 'holds') ? 'holds' : 'altered',
      signature: this.#signature(),
      contradictions: [...this.#contradictions],
      altered: this.#altered,
      foreign: this.#foreign,
    }
  }

  #signature(): MarkReading['signature'] {
    const signatures = [...this.#signatures]
    if (signatures.includes('fails')) return 'fails'
    return signatures.every((one) => one === 'holds') ? 'holds' : 'unknown'
  }
}

/** Where any plane of a frame does not hold, but for what comes from elsewhere; each place once. */
function alteredIn(locations: readonly PlaneLocation[], foreign: ForeignTiles): readonly MarkRegion[] {
  const regions = locations.flatMap(({ reading, frame }) => {
    const held = reading.held.map((one, tile) => (foreign.has(tile) ? 1 : one))
    return regionsOf(reading.grid, held).map(({ left, top, right, bottom }) => ({
      frame: frame + 1,
      x: left,
      y: top,
      width: right - left,
      height: bottom - top,
    }))
  })
  return [
    ...new Map(regions.map((region) => [`${region.x} ${region.y} ${region.width} ${region.height}`, region])).values(),
  ]
}
