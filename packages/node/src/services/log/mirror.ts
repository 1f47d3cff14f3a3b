/**
 * Mirror: what somebody else serves of a log: its checkpoint, and its tiles.
 *
 * Source: C2SP tlog-tiles, section "APIs"; the checkpoints that a witness has cosigned are asked for as http/witness-face.ts
 * serves them. Nothing that comes back is believed here but for its length.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import type { ReadTile } from '@fiducial/core/domain/log/tile-proofs.ts'
import { type VerifiedCheckpoint, verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { VerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { TILE_WIDTH, tilePath, tileWidth } from '@fiducial/core/formats/tlog/tile.ts'
import { askRemote, below, type Deadline, type Fetch } from './remote.ts'
import { originId } from './witness-service.ts'

const CHECKPOINT_LIMIT = 256 * 1024
const TILE_LIMIT = 32 * TILE_WIDTH

/** Somebody who shows checkpoints of a log. */
export interface LogSource {
  /** A mirror has the tiles, too; a witness shows what it has cosigned. */
  readonly kind: 'mirror' | 'witness'
  /** At most 900 characters. */
  readonly url: string
}

export interface MirrorContext {
  /** Name of the log. */
  readonly origin: string
  /** Keys of the log. */
  readonly keys: readonly VerifierKey[]
  readonly crypto: Crypto
  readonly fetch: Fetch
  readonly deadline: Deadline
  /** For each request. */
  readonly timeoutMs: number
}

/** Fetches the checkpoint that a source shows; it is signed by the log, or there is none. */
export async function readCheckpoint(
  context: MirrorContext,
  { kind, url }: LogSource,
): Promise<VerifiedCheckpoint | 'unreachable' | 'signature_wrong'> {
  const { origin, crypto } = context
  const path = kind === 'mirror' ? 'checkpoint' : `checkpoints/${originId(origin, crypto)}`
  const bytes = await read(context, below(url, path), CHECKPOINT_LIMIT)
  return bytes === undefined ? 'unreachable' : (verifyOwn(context, bytes) ?? 'signature_wrong')
}

/** The checkpoint, if it is one of this log and signed by it. */
export function verifyOwn(
  { origin, keys, crypto }: MirrorContext,
  note: string | Uint8Array,
): VerifiedCheckpoint | undefined {
  const result = verifyCheckpoint(note, keys, crypto)
  return result.state === 'valid' && result.checkpoint.origin === origin ? result : undefined
}

/**
 * Reads tiles of the tree of a size: always as wide as they are in that tree, which a mirror has, unlike those of smaller
 * trees. Each is fetched once. Rejects with {StoreError} `service_unreachable` where there is none.
 */
export function mirrorTiles(context: MirrorContext, { url }: LogSource, size: bigint): ReadTile {
  const tiles = new Map<string, Promise<Uint8Array>>()
  return ({ level, index }) => {
    const width = tileWidth(level, index, size)
    const path = tilePath({ level, index, width })
    // A mirror that has grown since may have the full tile only.
    const paths = width === TILE_WIDTH ? [path] : [path, tilePath({ level, index, width: TILE_WIDTH })]
    const tile = tiles.get(path) ?? readFirst(context, url, paths)
    tiles.set(path, tile)
    return tile
  }
}

async function readFirst(context: MirrorContext, url: string, paths: readonly string[]): Promise<Uint8Array> {
  for (const path of paths) {
    const bytes = await read(context, below(url, path), TILE_LIMIT)
    if (bytes !== undefined) return bytes
  }
  throw new StoreError('service_unreachable', 'a mirror does not serve a tile of its log')
}

async function read(
  { fetch, deadline, timeoutMs }: MirrorContext,
  address: string,
  limit: number,
): Promise<Uint8Array | undefined> {
  const answer = await askRemote(fetch, address, { signal: deadline(timeoutMs) }, limit)
  return typeof answer === 'object' && answer.status === 200 ? answer.bytes : undefined
}
