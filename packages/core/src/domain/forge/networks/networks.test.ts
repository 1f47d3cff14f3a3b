import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeBase64 } from '../../../bytes/base64.ts'
import { createRandom } from '../../attack/random.ts'
import type { Field } from '../field.ts'
import type { Host } from '../technique.ts'
import { AUTOENCODER } from '../techniques/autoencoder.ts'
import { DIFFUSION, regenerate } from '../techniques/diffusion.ts'
import { loadAutoencoder } from './autoencoder.ts'
import { loadDenoiser } from './denoiser.ts'
import { isNetworkPatient } from './network-patients.ts'
import { showView, takeShown } from './shown.ts'
import { runTiled } from './tiled.ts'
import { numberOfHalf, readWeights } from './weights.ts'

/** A picture with soft shapes and grain. */
function hostOf(width: number, height: number, white = 255): Host {
  const random = createRandom(3)
  const samples = Float32Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)]
    const value = 0.5 + 0.3 * Math.sin(x / 17) * Math.cos(y / 23) + 0.01 * random.normal()
    return Math.round(white * Math.min(1, Math.max(0, value)))
  })
  return { width, height, samples, white, window: null, kind: 'chest', spacingMm: null }
}

const meanDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] as number)), 0) / a.length

describe('runTiled', () => {
  const field: Field = showView(hostOf(400, 330))
  const denoise = loadDenoiser()
  const networks = {
    autoencoder: loadAutoencoder(),
    denoiser: (maps: Parameters<typeof denoise>[0]) => denoise(maps, 0.3),
  }
  for (const [name, network] of Object.entries(networks)) {
    it(`gives with the ${name} in tiles what it gives of the whole`, () => {
      const whole = runTiled(field, network, 800)
      assert.deepEqual(runTiled(field, network, 208).samples, whole.samples)
    })
  }
})

describe('denoiser', () => {
  it('brings a picture with noise nearer to the one without', () => {
    const clean = showView(hostOf(64, 64))
    const random = createRandom(1)
    const noisy = clean.samples.map((value) => value + 0.3 * random.normal())
    const denoise = loadDenoiser()
    const made = runTiled({ ...clean, samples: noisy }, (maps) => denoise(maps, 0.3))
    assert.ok(meanDifference(made.samples, clean.samples) < 0.35 * meanDifference(noisy, clean.samples))
  })
})

for (const technique of [AUTOENCODER, DIFFUSION]) {
  describe(technique.id, () => {
    it('gives the same picture, not the same values, of 8 and of 16 bits', () => {
      for (const white of [255, 65_535]) {
        const host = hostOf(70, 61, white)
        const { samples, spot } = technique.make(host, createRandom(1))
        assert.equal(spot, null)
        assert.equal(samples.length, host.samples.length)
        const difference = meanDifference(samples, host.samples) / white
        assert.ok(difference > 0.001 && difference < 0.05, `${difference}`)
      }
    })

    it('is repeatable from its seed', () => {
      const host = hostOf(48, 40)
      const [once, again, other] = [4, 4, 5].map((seed) => technique.make(host, createRandom(seed)))
      assert.deepEqual(once, again)
      assert.notDeepEqual(once, other)
    })

    it('refuses a picture that is too small', () => {
      assert.throws(() => technique.make(hostOf(31, 64), createRandom(1)), RangeError)
    })
  })
}

describe('regenerate', () => {
  it('moves further from the picture the more noise there was', () => {
    const shown = showView(hostOf(64, 64))
    const [little, much] = [0.05, 0.4].map((noise) => {
      const { samples } = regenerate(shown, createRandom(2), { noise, grain: 0.8, steps: 4 })
      return meanDifference(samples, shown.samples)
    })
    assert.ok((little as number) < (much as number))
  })
})

describe('shown', () => {
  it('leaves a picture as it is that no network touched, beyond its window too', () => {
    const host = { ...hostOf(40, 40, 4095), window: { low: 2000, high: 2500 } }
    const shown = showView(host)
    assert.ok(shown.samples.includes(-1) && shown.samples.includes(1))
    assert.ok(meanDifference(takeShown(host, shown), host.samples) < 1e-3)
  })
})

describe('readWeights', () => {
  it('knows every kind of half', () => {
    const halves = [0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x8000, 0x3555, 0x7c00]
    const numbers = [1, -2, 65_504, 2 ** -14, 2 ** -24, -0, 0.333251953125, Number.POSITIVE_INFINITY]
    assert.deepEqual(halves.map(numberOfHalf), numbers)
    assert.ok(Number.isNaN(numberOfHalf(0x7e00)))
  })

  it('gives numbers in order, and no more than there are', () => {
    const weights = readWeights(encodeBase64(Uint8Array.of(0, 0x3c, 0, 0xc0)))
    assert.deepEqual([...weights.take(1)], [1])
    assert.equal(weights.left(), 1)
    assert.throws(() => weights.take(2), RangeError)
    assert.throws(() => readWeights(encodeBase64(Uint8Array.of(1))), RangeError)
  })
})

describe('isNetworkPatient', () => {
  it('is decided by the first byte of the digest, as sha256sum gives it', () => {
    // 0x05 of the first is a multiple of five; 0xe2, 0x3e and 0x79 of the others are none.
    const patients = ['nih-00001299', 'nih-00001280', 'nih-00001300', 'nih-00001304']
    assert.deepEqual(patients.map(isNetworkPatient), [true, false, false, false])
  })

  it('takes a fifth of all patients, by the first byte of their digest', () => {
    const names = Array.from({ length: 2000 }, (_, i) => `nih-${String(i).padStart(8, '0')}`)
    const share = names.filter(isNetworkPatient).length / names.length
    assert.ok(share > 0.17 && share < 0.24, `${share}`)
  })
})
