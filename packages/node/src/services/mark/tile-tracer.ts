/**
 * Tile tracer: from where tiles were copied that do not belong where they stand: this image, or others of the site.
 *
 * The record of an image keeps two sums of each marked tile under the key of that image: 62 bits that no other tile has by
 * chance. Cost: bounded, however much of an image was changed and however many images are known.
 */
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { deriveImageKey } from '@fiducial/core/domain/mark/keys.ts'
import type { MarkRecord, MarkRecordHead } from '@fiducial/core/domain/mark/record.ts'
import { takeTile } from '@fiducial/core/domain/mark/tiles/grid.ts'
import { makeKeyTable } from '@fiducial/core/domain/mark/tiles/tile-keys.ts'
import type { Planes } from '@fiducial/core/domain/pixels/image-pixels.ts'
import type { Plane } from '@fiducial/core/domain/pixels/plane.ts'
import { readRecord } from './find-mark.ts'
import type { ForeignTiles, TileOrigin } from './gathered-planes.ts'
import type { MarkOfImage, PlaneFinding } from './locate.ts'
import type { MarkDevice, MarkMeans } from './ports.ts'

export interface TracedImage {
  readonly mark: MarkOfImage
  /** Records of images of the same shape, from which tiles may come. */
  readonly known: readonly MarkRecordHead[]
  /** Whose keys are at hand. */
  readonly devices: readonly MarkDevice[]
}

/** Tiles of an image that are traced, and other images that they may come from. */
const TILES_TRACED = 256
const OTHERS = 16
/** Tiles of one image that are kept in mind. */
const PLACES = 2 ** 19

/** An image that tiles may come from. */
interface Origin {
  readonly record: MarkRecord
  readonly imageKey: Uint8Array
}

/** The marked tiles of an image by their sums, for one size of tiles. */
interface Book {
  readonly recordId: string
  readonly sums: (samples: Uint16Array) => readonly [number, number]
  /** Planes by the sums of their tiles. */
  readonly planes: ReadonlyMap<string, number>
  readonly components: number
}

export class TileTracer {
  readonly #image: TracedImage
  readonly #means: MarkMeans
  readonly #books = new Map<number, readonly Book[]>()
  #origins: Promise<readonly Origin[]> | undefined
  #left = TILES_TRACED

  constructor(image: TracedImage, means: MarkMeans) {
    this.#image = image
    this.#means = means
  }

  /** @returns for each plane the tiles that come from elsewhere @throws {StoreError} as the records do */
  async trace(planes: Planes, locations: readonly PlaneFinding[]): Promise<readonly ForeignTiles[]> {
    const found: ForeignTiles[] = []
    for (const [i, { reading }] of locations.entries()) found.push(await this.#tracePlane(planes[i] as Plane, reading))
    return found
  }

  async #tracePlane(plane: Plane, { outcome, grid, held }: PlaneFinding['reading']): Promise<ForeignTiles> {
    const found = new Map<number, TileOrigin>()
    if (outcome === 'holds' || this.#left === 0) return found
    const books = await this.#booksFor(grid.tileSize)
    for (const [number, tile] of grid.tiles.entries()) {
      if (held[number] === 1 || this.#left === 0) continue
      this.#left--
      const origin = originOf(takeTile(plane, tile), books)
      if (origin !== undefined) found.set(number, origin)
    }
    return found
  }

  async #booksFor(tileSize: number): Promise<readonly Book[]> {
    this.#origins ??= this.#open()
    const origins = await this.#origins
    const books = this.#books.get(tileSize) ?? origins.map((origin) => this.#bookOf(origin, tileSize))
    this.#books.set(tileSize, books)
    return books
  }

  async #open(): Promise<readonly Origin[]> {
    const { mark, known, devices } = this.#image
    const { record, imageKey, recordId } = mark
    const origins: Origin[] = record === undefined ? [] : [{ record, imageKey }]
    for (const head of known) {
      const device = devices.find(({ id }) => id === head.device)
      if (device === undefined || (recordId !== undefined && equalBytes(head.recordId, recordId))) continue
      const other = await readRecord(head.recordId, this.#means)
      const key = deriveImageKey(this.#means.hash, device.markKey, head.recordId)
      if (other !== undefined) origins.push({ record: other, imageKey: key })
      if (origins.length > OTHERS) break
    }
    return origins
  }

  #bookOf({ record, imageKey }: Origin, tileSize: number): Book {
    const coder = this.#means.createCoder(makeKeyTable(imageKey, tileSize))
    const planes = new Map<string, number>()
    for (const [plane, { tileSize: own, syndromes }] of record.planes.entries()) {
      if (own !== tileSize || planes.size + syndromes.length / 2 > PLACES) continue
      for (let i = 0; i < syndromes.length; i += 2) planes.set(`${syndromes[i]} ${syndromes[i + 1]}`, plane)
    }
    const { recordId, components } = record
    return { recordId: encodeHex(recordId), sums: (samples) => coder.sums(samples), planes, components }
  }
}

function originOf(samples: Uint16Array, books: readonly Book[]): TileOrigin | undefined {
  for (const { recordId, sums, planes, components } of books) {
    const plane = planes.get(sums(samples).join(' '))
    if (plane !== undefined) return { recordId, fromFrame: Math.floor(plane / components) + 1 }
  }
  return undefined
}
