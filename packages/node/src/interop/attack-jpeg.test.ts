/** What JPEG leaves of a picture, against libjpeg by its own programs. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compressJpeg } from '@fiducial/core/domain/attack/jpeg.ts'
import { createPicture, type Picture } from '@fiducial/core/domain/attack/picture.ts'
import { createRandom } from '@fiducial/core/domain/attack/random.ts'
import { peer, run } from '../testing/peers.ts'

const cjpeg = peer('cjpeg')
const djpeg = peer('djpeg')

/** Waves, an edge, a black margin, noise: everything that rounds. */
function scene(width: number, height: number): Picture {
  const picture = createPicture(width, height)
  const random = createRandom(width)
  for (let i = 0; i < picture.samples.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)]
    const value = 120 + 90 * Math.sin((x * y) / 400) + 12 * random.normal() + (x > y ? 40 : 0)
    picture.samples[i] = x < 9 ? 0 : Math.max(0, Math.min(255, value))
  }
  return picture
}

async function compressByPeer({ width, height, samples }: Picture, quality: number): Promise<Uint8Array> {
  const input = Buffer.concat([Buffer.from(`P5\n${width} ${height}\n255\n`), samples])
  const encoded = await run(cjpeg.path, ['-quality', String(quality), '-baseline', '-dct', 'int'], { input })
  assert.equal(encoded.code, 0, encoded.stderr)
  const decoded = await run(djpeg.path, ['-dct', 'int', '-pnm'], { input: encoded.output })
  assert.equal(decoded.code, 0, decoded.stderr)
  return decoded.output.subarray(decoded.output.length - samples.length)
}

describe('JPEG attack', { skip: cjpeg.skip || djpeg.skip }, () => {
  for (const quality of [100, 95, 90, 75, 50, 49, 30, 10, 1]) {
    for (const [width, height] of [
      [128, 96],
      [61, 83],
    ] as const) {
      it(`gives the samples of libjpeg at quality ${quality}, ${width} × ${height}`, async () => {
        const picture = scene(width, height)
        assert.deepEqual([...compressJpeg(picture, quality).samples], [...(await compressByPeer(picture, quality))])
      })
    }
  }
})
