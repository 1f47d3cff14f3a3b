import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Picture } from '@fiducial/core/domain/attack/picture.ts'
import type { Host } from '@fiducial/core/domain/forge/technique.ts'
import type { GeneratorWish, PictureGenerator } from './ports.ts'
import { regenerateView } from './regenerate.ts'

const host: Host = {
  ...{ width: 40, height: 30, white: 4095, window: { low: 1000, high: 3000 }, kind: 'chest', spacingMm: null },
  samples: Float32Array.from({ length: 1200 }, (_, i) => 900 + (i % 40) * 60),
}

/** A generator that keeps what it is asked, and answers with what `make` makes. */
function generatorOf(make: (picture: Picture) => Picture) {
  const wishes: GeneratorWish[] = []
  const generator: PictureGenerator = {
    name: 'test',
    sizeFor: () => ({ width: 80, height: 60 }),
    regenerate: async (wish) => {
      wishes.push(wish)
      return make(wish.picture)
    },
  }
  return { generator, wishes }
}

describe('regenerateView', () => {
  it('asks at the size that the generator wants, and comes back with the size and values of the host', async () => {
    const { generator, wishes } = generatorOf((picture) => picture)
    const { samples, spot, parameters } = await regenerateView(generator, host, { prompt: 'x', seed: 3 })
    assert.deepEqual([wishes[0]?.picture.width, wishes[0]?.picture.height, wishes[0]?.strength], [80, 60, 0.3])
    assert.deepEqual(parameters, { strength: 0.3, seed: 3, width: 80, height: 60 })
    assert.equal(spot, null)
    const off = samples.map((value, i) => Math.abs(value - (host.samples[i] as number)))
    // Eight bits of a window of 2000 are steps of 8; resampling there and back costs a little at the ends.
    assert.ok(off.reduce((sum, value) => sum + value, 0) / off.length < 12)
  })

  it('leaves what lies beyond the window where it was', async () => {
    const { generator } = generatorOf((picture) => picture)
    const { samples } = await regenerateView(generator, host, { prompt: '', seed: 1, size: { width: 40, height: 30 } })
    assert.equal(samples[0], 900)
    assert.equal(samples[39], host.samples[39])
  })

  it('takes over what the generator has drawn', async () => {
    const { generator } = generatorOf((picture) => ({
      ...picture,
      samples: picture.samples.map((value) => 255 - value),
    }))
    const { samples } = await regenerateView(generator, host, { prompt: '', seed: 1 })
    assert.ok((samples[5] as number) > 2500)
  })

  it('brings another size back, and refuses other proportions', async () => {
    const sized = (width: number, height: number) =>
      generatorOf(() => ({ width, height, samples: new Uint8Array(width * height) })).generator
    const made = await regenerateView(sized(400, 300), host, { prompt: '', seed: 1 })
    assert.equal(made.samples.length, 1200)
    const refusal = regenerateView(sized(60, 60), host, { prompt: '', seed: 1 })
    await assert.rejects(refusal, { code: 'service_refused' })
  })

  it('refuses a strength that is none', async () => {
    const { generator } = generatorOf((picture) => picture)
    for (const strength of [-0.1, 1.1, Number.NaN]) {
      await assert.rejects(regenerateView(generator, host, { prompt: '', seed: 1, strength }), RangeError)
    }
  })
})
