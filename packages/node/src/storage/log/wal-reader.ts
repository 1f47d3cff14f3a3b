/**
 * WAL reader: looks at the segments of a write-ahead log without changing them, also while somebody appends.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isCode, unwritable, withFile } from './durable.ts'
import { corrupted, scanSegment } from './wal-scan.ts'

const NAME = /^(\d{20})\.wal$/
const ROOT_FROM_END = 64

/** A batch that is whole. */
export interface WrittenBatch {
  /** Index after its last entry. */
  readonly next: bigint
  /** RFC 6962 root over all entries up to there. */
  readonly root: Uint8Array
}

/**
 * The batches in all segments, in order. A torn record at the very end was acknowledged to nobody, or is being written.
 *
 * @param folder  of the segments; none is the same as an empty one
 * @throws {StoreError} `log_corrupted`, naming segment and offset; `log_unwritable` for what cannot be read
 */
export async function* readBatches(folder: string): AsyncGenerator<WrittenBatch, void, undefined> {
  const names = await segmentNames(folder)
  let next: bigint | undefined
  for (const [i, name] of names.entries()) {
    const first = BigInt(name.slice(0, 20))
    if (next !== undefined && first !== next) throw corrupted(name, 0, `entries ${next} to ${first} are missing`)
    const segment = await readSegment(join(folder, name), name, first)
    // It was released, and removed, since the names were read: so were all before it.
    if (segment === undefined) {
      next = undefined
      continue
    }
    const { batches, end } = segment
    if (end.isTorn && i < names.length - 1) throw corrupted(name, end.offset, 'a record is damaged')
    yield* batches
    next = end.next
  }
}

async function segmentNames(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => NAME.test(name)).sort()
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return []
    throw unwritable('reading the write-ahead log', cause)
  }
}

interface ReadSegment {
  readonly batches: readonly WrittenBatch[]
  readonly end: { readonly next: bigint; readonly offset: number; readonly isTorn: boolean }
}

async function readSegment(path: string, name: string, first: bigint): Promise<ReadSegment | undefined> {
  try {
    return await withFile(path, 'r', async (descriptor) => {
      const scan = scanSegment(descriptor, { name, first })
      const batches: WrittenBatch[] = []
      for (;;) {
        const step = await scan.next()
        if (step.done === true) return { batches, end: step.value }
        const { header, bytes } = step.value
        const root = bytes.subarray(bytes.length - ROOT_FROM_END, bytes.length - ROOT_FROM_END + 32)
        batches.push({ next: header.first + BigInt(header.count), root: Uint8Array.from(root) })
      }
    })
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return undefined
    throw unwritable('reading the write-ahead log', cause)
  }
}
