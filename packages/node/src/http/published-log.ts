/**
 * Published log: finds what a log serves under a path of C2SP tlog-tiles.
 *
 * Source: C2SP tlog-tiles, section "Partial Tiles". A log removes partial tiles once it has wider ones; whoever verified
 * an older checkpoint may still ask for them, so they are cut out of what is there.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import { parseNote } from '@fiducial/core/formats/note/note.ts'
import { parseCheckpoint } from '@fiducial/core/formats/tlog/checkpoint.ts'
import { decodeBundle, encodeBundle } from '@fiducial/core/formats/tlog/entry-bundle.ts'
import { entriesPath, TILE_WIDTH, type TilePath, tilePath, tileWidth } from '@fiducial/core/formats/tlog/tile.ts'
import type { CheckpointCell, ImmutableStore } from '../services/log/ports.ts'

const HASH_BYTES = 32

/** A log as it is served: over files, PostgreSQL and S3, or a mirror of another log. */
export interface PublishedLog {
  readonly objects: Pick<ImmutableStore, 'get'>
  readonly head: Pick<CheckpointCell, 'read'>
}

/**
 * Bytes of a tile or bundle; undefined if the log has none of that width.
 * @throws {FormatError} `tile_malformed` and {StoreError} `log_corrupted` where the storage of the log is damaged
 */
export async function findTile(log: PublishedLog, place: TilePath): Promise<Uint8Array | undefined> {
  const found = await log.objects.get(pathOf(place, place.width))
  if (found !== undefined || place.width === TILE_WIDTH) return found
  const level = place.kind === 'tile' ? place.level : 0
  const width = tileWidth(level, place.index, await publishedSize(log))
  if (width <= place.width) return undefined
  const wider = await log.objects.get(pathOf(place, width))
  return wider && cut(place, wider, width)
}

async function publishedSize(log: PublishedLog): Promise<bigint> {
  const note = await log.head.read()
  return note === undefined ? 0n : parseCheckpoint(parseNote(note).text).size
}

function pathOf(place: TilePath, width: number): string {
  return place.kind === 'tile' ? tilePath({ ...place, width }) : entriesPath(place.index, width)
}

/** The first hashes or entries of a tile or bundle. */
function cut(place: TilePath, bytes: Uint8Array, width: number): Uint8Array {
  if (place.kind === 'entries') return encodeBundle(decodeBundle(bytes, width).slice(0, place.width))
  if (bytes.length !== width * HASH_BYTES) throw new StoreError('log_corrupted', 'a tile has the wrong length')
  return bytes.subarray(0, place.width * HASH_BYTES)
}
