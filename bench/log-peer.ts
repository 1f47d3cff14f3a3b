/**
 * Log peer: a log that acknowledges an entry once every tile, bundle and checkpoint of its batch is a durable file of its
 * own, in the manner of Tessera's storage on POSIX file systems.
 *
 * A file is written under a temporary name, flushed, renamed, and its folder flushed. Tree, hashing, batches and signatures
 * are those of our log. Tessera writes the files of a batch one after the other; side by side is faster, and can be had,
 * too. The checkpoint follows them. No identities, terms or statements are kept, so there is less to do. What a partial
 * file replaces is removed by nobody.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { signCheckpoint } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { type Appended, TileTree } from '@fiducial/core/domain/log/tile-tree.ts'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { encodeBundle } from '@fiducial/core/formats/tlog/entry-bundle.ts'
import { entriesPath, TILE_WIDTH, tilePath } from '@fiducial/core/formats/tlog/tile.ts'
import { nativeCrypto } from '../packages/node/src/keys/native-crypto.ts'
import type { NewEntry, StoredObject } from '../packages/node/src/services/log/ports.ts'
import type { Receipt } from '../packages/node/src/services/log/receipt.ts'
import { files, syncFolder, writeNew } from '../packages/node/src/storage/log/durable.ts'
import { makeLogSigner, ORIGIN } from '../packages/node/src/testing/log-site.ts'
import type { OpenLog } from './log-contestants.ts'

/** As in our log. */
const BATCH_ENTRIES = 1024

interface Waiting {
  readonly leaf: Uint8Array
  readonly resolve: (receipt: Receipt) => void
  readonly reject: (error: unknown) => void
}

export class PeerLog implements OpenLog {
  readonly #folder: string
  readonly #order: 'one after the other' | 'side by side'
  readonly #hasher = createHasher(nativeCrypto.hash)
  readonly #tree = TileTree.empty(this.#hasher)
  readonly #signer = makeLogSigner()
  #waiting: Waiting[] = []
  /** Leaves of the bundle that is not full. */
  #last: Uint8Array[] = []
  #writing: Promise<void> = Promise.resolve()
  #isRunning = false
  #files = 0

  /**
   * @param folder  is made
   * @param order   in which the files of a batch are written
   */
  constructor(folder: string, order: 'one after the other' | 'side by side') {
    this.#folder = folder
    this.#order = order
  }

  readonly append = ({ leaf }: NewEntry): Promise<Receipt> =>
    new Promise((resolve, reject) => {
      this.#waiting.push({ leaf, resolve, reject })
      if (!this.#isRunning) void this.#run()
    })

  async close(): Promise<void> {
    await this.#writing
  }

  /** One batch is hashed while the one before it is written, as in our log. */
  async #run(): Promise<void> {
    this.#isRunning = true
    // Writers that were answered together send their next entries first.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const taken = this.#waiting.splice(0, BATCH_ENTRIES)
      const { appended, objects } = this.#add(taken.map(({ leaf }) => leaf))
      const { first, size, root } = appended
      const note = signCheckpoint(
        { origin: ORIGIN, size, root, extensions: [] },
        this.#signer,
        BigInt(Math.floor(Date.now() / 1000)),
      )
      await this.#writing
      this.#writing = this.#commit(objects, note).then(
        (checkpoint) => {
          for (const [i, { leaf, resolve }] of taken.entries()) {
            const index = first + BigInt(i)
            resolve({ index, leaf, proof: appended.prove(index), checkpoint, isNew: true })
          }
        },
        (error) => {
          for (const { reject } of taken) reject(error)
        },
      )
      if (this.#waiting.length === 0) await this.#writing
      await new Promise(setImmediate)
    }
    this.#isRunning = false
  }

  /** Adds leaves to the tree; gives all files back that the new checkpoint needs. */
  #add(leaves: readonly Uint8Array[]): { readonly appended: Appended; readonly objects: readonly StoredObject[] } {
    let number = this.#tree.size / BigInt(TILE_WIDTH)
    const appended = this.#tree.append(this.#hasher.hashLeaves(leaves))
    const objects: StoredObject[] = []
    for (const leaf of leaves) {
      this.#last.push(leaf)
      if (this.#last.length < TILE_WIDTH) continue
      objects.push({ path: entriesPath(number++, TILE_WIDTH), bytes: encodeBundle(this.#last) })
      this.#last = []
    }
    if (this.#last.length > 0) {
      objects.push({ path: entriesPath(number, this.#last.length), bytes: encodeBundle(this.#last) })
    }
    for (const tile of appended.tiles)
      objects.push({ path: tilePath({ ...tile, width: TILE_WIDTH }), bytes: tile.bytes })
    for (const tile of this.#tree.edge()) objects.push({ path: tilePath(tile), bytes: tile.bytes })
    return { appended, objects }
  }

  async #commit(objects: readonly StoredObject[], note: Promise<string>): Promise<string> {
    if (this.#order === 'side by side') await Promise.all(objects.map((object) => this.#store(object)))
    else for (const object of objects) await this.#store(object)
    const checkpoint = await note
    await this.#store({ path: 'checkpoint', bytes: Buffer.from(checkpoint) })
    return checkpoint
  }

  async #store({ path, bytes }: StoredObject): Promise<void> {
    const target = join(this.#folder, path)
    const folder = join(target, '..')
    mkdirSync(folder, { recursive: true })
    const temporary = `${target}.${this.#files++}.tmp`
    await writeNew(temporary, bytes)
    await files.rename(temporary, target)
    await syncFolder(folder)
  }
}
