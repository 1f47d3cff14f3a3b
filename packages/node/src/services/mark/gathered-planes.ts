/** Gathered planes: what the readings of all planes of one image come to, as evidence about the image. */
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import type { VolumePlace } from '@fiducial/core/domain/mark/keys.ts'
import { regionsOf } from '@fiducial/core/domain/mark/regions.ts'
import type { PlaneReading } from '@fiducial/core/domain/mark/tiles/read-plane.ts'
import type {
  ForeignRegion,
  MarkContradiction,
  MarkReading,
  MarkRegion,
} from '@fiducial/core/domain/verdict/mark-evidence.ts'
import type { MarkOfImage, PlaneLocation } from './locate.ts'

/** Where a tile comes from. */
export type TileOrigin = Pick<ForeignRegion, 'recordId' | 'fromFrame'>

/** Tiles of a plane that come from elsewhere, by their numbers. */
export type ForeignTiles = ReadonlyMap<number, TileOrigin>

export class GatheredPlanes {
  readonly #mark: MarkOfImage
  readonly #contradictions = new Set<MarkContradiction>()
  readonly #altered: MarkRegion[] = []
  readonly #foreign: ForeignRegion[] = []
  readonly #outcomes = new Set<PlaneReading['outcome']>()
  readonly #signatures = new Set<PlaneReading['signature']>()
  #recordId: Uint8Array | undefined
  #place: VolumePlace | undefined

  constructor(mark: MarkOfImage) {
    this.#mark = mark
    this.#recordId = mark.recordId
    this.#place = mark.record?.volume
  }

  /** Adds the planes of one frame, with what is foreign in each. */
  add(locations: readonly PlaneLocation[], foreign: readonly ForeignTiles[]): void {
    for (const { reading, contradictions } of locations) {
      this.#outcomes.add(reading.outcome)
      this.#signatures.add(reading.signature)
      for (const one of contradictions) this.#contradictions.add(one)
      this.#recordId ??= reading.header?.recordId
      if (reading.header !== undefined) this.#place = reading.header
    }
    const parts = locations.map((location, i) => ({ ...location, foreign: foreign[i] ?? new Map() }))
    this.#foreign.push(...once(parts.flatMap(foreignIn)))
    this.#altered.push(...once(parts.flatMap(alteredIn)))
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
      ...(this.#place !== undefined && { place: placeOf(this.#place) }),
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

const placeOf = ({ volumeNonce, index, count }: VolumePlace): VolumePlace => ({ volumeNonce, index, count })

interface TracedPlane extends PlaneLocation {
  readonly foreign: ForeignTiles
}

/** Where a plane does not hold, but for what comes from elsewhere. */
const alteredIn = ({ reading, frame, foreign }: TracedPlane): readonly MarkRegion[] =>
  placesOf(reading, frame, (tile) => reading.held[tile] === 0 && !foreign.has(tile))

/** What comes from elsewhere, tiles of one origin that touch each other taken together. */
function foreignIn({ reading, frame, foreign }: TracedPlane): readonly ForeignRegion[] {
  const groups = Map.groupBy(foreign, ([, { recordId, fromFrame }]) => `${recordId} ${fromFrame}`)
  return [...groups.values()].flatMap((group) => {
    const [, origin] = group[0] as [number, TileOrigin]
    const tiles = new Set(group.map(([tile]) => tile))
    return placesOf(reading, frame, (tile) => tiles.has(tile)).map((place) => ({ ...place, ...origin }))
  })
}

function placesOf({ grid, held }: PlaneReading, frame: number, isIn: (tile: number) => boolean): readonly MarkRegion[] {
  const outside = held.map((_, tile) => (isIn(tile) ? 0 : 1))
  return regionsOf(grid, outside).map(({ left, top, right, bottom }) => ({
    frame: frame + 1,
    x: left,
    y: top,
    width: right - left,
    height: bottom - top,
  }))
}

/** Each place once: components of one frame mostly differ at the same places. */
const once = <Region extends MarkRegion>(regions: readonly Region[]): readonly Region[] => [
  ...new Map(regions.map((region) => [JSON.stringify(region), region])).values(),
]
