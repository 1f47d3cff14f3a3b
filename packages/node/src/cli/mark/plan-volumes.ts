/**
 * Plan volumes: gives each slice its place before the first is marked, since each carries how many there are.
 *
 * The images of one series are one volume, in the order in which they lie; images without a series are one more.
 */
import { VOLUME_NONCE_BYTES, type VolumePlace } from '@fiducial/core/domain/mark/keys.ts'
import { inSliceOrder, type SlicePlace, slicePlaceOf } from '@fiducial/core/domain/mark/volume.ts'
import { checkMarkable } from '@fiducial/core/domain/pixels/image-pixels.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { Input } from '../adapters.ts'
import type { Context } from '../context.ts'
import { UsageError } from '../usage-error.ts'
import { type OpenOptions, openImage } from './open-image.ts'

interface Slice extends SlicePlace {
  readonly path: string
}

const NOWHERE: SlicePlace = { series: null, position: null }

/** The place of each image by its path. What cannot be marked has none, and is reported when its turn comes. */
export async function planVolumes(
  words: readonly string[],
  accepts: (input: Input) => boolean,
  options: OpenOptions,
  { adapters }: Context,
): Promise<ReadonlyMap<string, VolumePlace>> {
  if (words.includes('-')) throw new UsageError('--volume needs several files', 'standard input is one')
  using inputs = await adapters.findInputs(words)
  const slices: Slice[] = []
  for await (const input of inputs) {
    const place = accepts(input) ? await readPlace(input, options) : undefined
    if (place !== undefined) slices.push({ ...place, path: input.path })
  }
  const places = new Map<string, VolumePlace>()
  for (const volume of Map.groupBy(slices, ({ series }) => series).values()) {
    const volumeNonce = options.means.random(VOLUME_NONCE_BYTES)
    for (const [index, { path }] of inSliceOrder(volume).entries())
      places.set(path, { volumeNonce, index, count: volume.length })
  }
  return places
}

/** Undefined for what cannot be marked. */
async function readPlace({ path }: Input, options: OpenOptions): Promise<SlicePlace | undefined> {
  try {
    using image = await openImage(path, options)
    checkMarkable(image.pixels)
    return image.dicom === undefined ? NOWHERE : slicePlaceOf(image.dicom.dataSet)
  } catch (error) {
    if (error instanceof FormatError || error instanceof StoreError) return undefined
    throw error
  }
}
