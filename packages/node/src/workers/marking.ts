/**
 * Marking: puts the mark into an image that is about to be sealed.
 *
 * The marked file goes to the disk under a temporary name, in the folder where the sealed one will lie, so that nothing large stays in
 * memory; its record is stored before the file is signed. A run that is cut off leaves at most a record without an image.
 */
import { randomUUID } from 'node:crypto'
import { unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type ByteSource, memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import type { ImagePixels } from '@fiducial/core/domain/pixels/image-pixels.ts'
import type { MarkClaim } from '@fiducial/core/domain/seal/mark-claim.ts'
import type { Seal } from '@fiducial/core/domain/seal/seal.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { adoptMark } from '../services/mark/adopt-mark.ts'
import { type MarkOrder, type PreparedMark, prepareMark } from '../services/mark/mark-instance.ts'
import { isMarkedCopy } from '../services/mark/marked-copy.ts'
import type { MarkMeans } from '../services/mark/ports.ts'
import { openPixels } from '../services/open-pixels.ts'
import { type FileSource, openFileSource } from '../storage/file-source.ts'
import { writeFileAtomically } from '../storage/write-file.ts'
import { makeFolder } from '../storage/write-pair.ts'
import type { MarkSetup } from './setup.ts'

/** An image with its mark, until it is disposed of. */
export interface MarkedImage extends Disposable {
  readonly source: ByteSource
  readonly claim: MarkClaim
}

export interface Marking {
  /**
   * An image that carries a whole mark of the device is taken as it is.
   * @param folder  for the marked file; made where there is none
   * @throws {FormatError} the code of the first finding of a strict reader; `pixels_unsuited` and the others of the mark
   * @throws {StoreError} as files and records do
   */
  mark(source: FileSource, folder: string): Promise<MarkedImage>
  /** Whether a sealed copy, whose seal holds, is what was made of an image before. */
  isOf(original: FileSource, copy: FileSource, seal: Seal): Promise<boolean>
}

/** Files that are kept in memory, as those are that are read whole. */
const IN_MEMORY_BYTES = 4 * 2 ** 20

export async function openMarking({ device, layers, home }: MarkSetup): Promise<Marking> {
  const { openMarkMeans } = await import('../wiring/mark.ts')
  const means = openMarkMeans(home)
  return {
    async mark(source, folder) {
      const pixels = await openPixels(parseDicom(source, { isStrict: true }), means)
      const prepared = await prepareUnlessMarked(pixels, { device, layers }, means)
      if (prepared === undefined) {
        return { source, claim: await adoptMark(pixels, device, means), [Symbol.dispose]: () => undefined }
      }
      const kept = keep(prepared.pieces(), source.length, folder)
      try {
        const { claim } = await prepared.finish()
        return { ...kept, claim }
      } catch (error) {
        kept[Symbol.dispose]()
        throw error
      }
    },
    isOf: async (original, copy, { statement }) =>
      isMarkedCopy({ original: parseDicom(original), copy: parseDicom(copy), statement, device }, means),
  }
}

/** Undefined for an image that carries a mark of the device already. @throws {FormatError} as {@link prepareMark} */
async function prepareUnlessMarked(
  pixels: ImagePixels,
  order: MarkOrder,
  means: MarkMeans,
): Promise<PreparedMark | undefined> {
  try {
    return await prepareMark(pixels, order, means)
  } catch (error) {
    if (error instanceof FormatError && error.code === 'mark_already') return undefined
    throw error
  }
}

/** @param lengthBytes  about as many as there will be */
function keep(pieces: Iterable<Uint8Array>, lengthBytes: number, folder: string): Omit<MarkedImage, 'claim'> {
  if (lengthBytes <= IN_MEMORY_BYTES) {
    const source = memorySource(joinBytes([...pieces].map((piece) => piece.slice())))
    return { source, [Symbol.dispose]: () => undefined }
  }
  makeFolder(folder)
  const path = join(folder, `.fiducial-${randomUUID()}.tmp`)
  writeFileAtomically(path, pieces, { mode: 0o600 })
  const source = openFileSource(path)
  return {
    source,
    [Symbol.dispose]: () => {
      source.close()
      unlinkSync(path)
    },
  }
}
