import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compressJpeg } from '../attack/jpeg.ts'
import { toByte } from '../attack/picture.ts'
import { createRandom } from '../attack/random.ts'
import { featureOf, planeBy, powerLaw, softNoise, whiteNoise } from './features/testing/planes.ts'
import { extractFeatures, FAMILIES, FEATURES } from './features.ts'
import type { NormalPlane } from './normal-plane.ts'
import { normaliseView } from './normalise.ts'

const measure = (plane: NormalPlane, name: string): number => featureOf(extractFeatures(plane), name)
const near = (value: number, expected: number, by: number): void =>
  assert.ok(Math.abs(value - expected) <= by, `${value} is not ${expected} ± ${by}`)

function compress(plane: NormalPlane, quality: number): NormalPlane {
  const bytes = Uint8Array.from(plane.samples, toByte)
  return { ...plane, samples: Float32Array.from(compressJpeg({ ...plane, samples: bytes }, quality).samples) }
}

describe('features', () => {
  it('have names, papers, ranges and middle values, each name once', () => {
    assert.equal(new Set(FEATURES.map(({ name }) => name)).size, FEATURES.length)
    for (const { name, paper, range, middle } of FEATURES) {
      assert.match(name, /^[a-z]+\.[a-z0-9]+(?:-[a-z0-9]+)*$/)
      assert.ok(paper.length > 8 && range[0] <= middle && middle <= range[1])
    }
  })

  it('of families are as many as they say', () => {
    const plane = whiteNoise(5)
    assert.equal(
      extractFeatures(plane).length,
      FAMILIES.reduce((sum, { features }) => sum + features.length, 0),
    )
  })

  it('do not change the plane, and are the same each time', () => {
    const plane = whiteNoise(9)
    const before = plane.samples.slice()
    assert.deepEqual(extractFeatures(plane), extractFeatures(plane))
    assert.deepEqual(plane.samples, before)
  })

  const odd: readonly (readonly [name: string, plane: NormalPlane])[] = [
    ['black', planeBy(160, 160, () => 0)],
    ['white', planeBy(640, 160, () => 255)],
    ['a slope', planeBy(161, 203, (x) => x)],
    ['one step', planeBy(160, 160, (x) => (x < 80 ? 0 : 255))],
    ['a chessboard', planeBy(200, 200, (x, y) => ((x + y) & 1) * 255)],
    ['one sample', planeBy(170, 170, (x, y) => (x === 80 && y === 80 ? 255 : 0))],
    ['unusable throughout', { ...whiteNoise(20), usable: new Uint8Array(256 * 256) }],
    ['usable at one sample', { ...whiteNoise(20), usable: new Uint8Array(256 * 256).fill(1, 700, 701) }],
  ]
  for (const [name, plane] of odd) {
    it(`are finite and in range for a plane that is ${name}`, () => assertSound(plane))
  }

  it('are finite and in range for whatever comes', () => {
    for (let seed = 1; seed <= 25; seed++) assertSound(randomPlane(seed))
  })
})

/** Before the last guard: what families write themselves. */
function assertSound(plane: NormalPlane): void {
  const values = extractFeatures(plane)
  for (const [i, { name, range }] of FEATURES.entries()) {
    const value = values[i] as number
    assert.ok(Number.isFinite(value) && value >= range[0] && value <= range[1], `${name}: ${value}`)
  }
}

function randomPlane(seed: number): NormalPlane {
  const random = createRandom(seed)
  const [width, height] = [160 + random.integer(300), 160 + random.integer(300)]
  const [deviation, wave, cut] = [random.integer(60), 5 + random.integer(60), random.integer(250)]
  const plane = planeBy(width, height, (x, y) => {
    const value = toByte(128 + 90 * Math.sin(x / wave) * Math.cos((y * seed) / wave) + deviation * random.normal())
    return value < cut ? 0 : value
  })
  const usable = plane.usable.map((_, i) => (((i % width) >> 4) % (1 + (seed % 5)) === 0 ? 1 : 0))
  return { ...plane, usable }
}

describe('spectrum', () => {
  for (const exponent of [-1, -2, -3]) {
    it(`gives the slope of a texture whose power falls with ${exponent}`, () => {
      const plane = powerLaw(exponent, 4)
      near(measure(plane, 'spectrum.slope'), exponent, 0.25)
      near(measure(plane, 'spectrum.misfit'), 0, 0.35)
    })
  }

  it('is flat for white noise', () => {
    const values = extractFeatures(whiteNoise(12, 2, 512))
    near(featureOf(values, 'spectrum.slope'), 0, 0.03)
    near(featureOf(values, 'spectrum.top-ratio'), 0, 0.05)
    near(featureOf(values, 'spectrum.axis-high'), 0, 0.05)
    near(featureOf(values, 'spectrum.peak-half-axis'), 0, 0.5)
  })

  it('shows the lattice of noise made larger by repetition', () => {
    const small = whiteNoise(20, 3, 256)
    const at = (x: number, y: number): number => small.samples[(y >> 1) * 256 + (x >> 1)] as number
    const checks = planeBy(512, 512, (x, y) => at(x, y) + 4 * (x & 1) + 4 * (y & 1))
    assert.ok(measure(checks, 'spectrum.peak-half-axis') > 2)
    assert.ok(measure(planeBy(512, 512, at), 'spectrum.peak-half-axis') < -1)
    assert.ok(measure(planeBy(512, 512, at), 'spectrum.top-ratio') < -1)
  })
})

describe('noise', () => {
  it('grows by its level and is normal where it is normal', () => {
    const [weak, strong] = [extractFeatures(whiteNoise(4)), extractFeatures(whiteNoise(8))]
    near(featureOf(strong, 'noise.fine-level') - featureOf(weak, 'noise.fine-level'), Math.log(4), 0.05)
    near(featureOf(strong, 'noise.fine-kurtosis'), 0, 0.05)
    near(featureOf(strong, 'noise.fine-skew'), 0, 0.05)
  })

  it('goes with intensity where it is Poisson, and does not where it is even', () => {
    const random = createRandom(6)
    const light = (x: number): number => 30 + (200 * x) / 512
    const poisson = planeBy(512, 256, (x) => light(x) + Math.sqrt(light(x)) * random.normal())
    const even = planeBy(512, 256, (x) => light(x) + 10 * random.normal())
    assert.ok(measure(poisson, 'noise.fine-with-light') > 0.95)
    assert.ok(Math.abs(measure(even, 'noise.fine-with-light')) < 0.25)
    assert.ok(measure(poisson, 'noise.fine-spread') > 3 * measure(even, 'noise.fine-spread'))
  })
})

describe('correlation and pairs', () => {
  it('of white noise are those of the layer alone', () => {
    // The fine layer is a difference from 1 2 1: its autocorrelation at lag 1 follows from the kernel.
    const values = extractFeatures(whiteNoise(10, 8, 512))
    near(featureOf(values, 'correlation.fine-1'), kernelCorrelation(1), 0.02)
    near(featureOf(values, 'correlation.fine-3'), 0, 0.01)
    near(featureOf(values, 'correlation.fine-across-1'), 0, 0.01)
  })

  it('rise with blur', () => {
    const noise = whiteNoise(20, 5)
    const blurred = planeBy(
      256,
      256,
      (x, y) =>
        ((noise.samples[y * 256 + x] as number) + (noise.samples[y * 256 + Math.min(255, x + 1)] as number)) / 2,
    )
    assert.ok(measure(blurred, 'correlation.fine-across-1') > 0.1)
    assert.ok(measure(blurred, 'pairs.fine-beside-same') > measure(noise, 'pairs.fine-beside-same'))
  })
})

/** Autocorrelation of δ − (1 2 1)⊗(1 2 1)/16 at a lag along a row. */
function kernelCorrelation(lag: number): number {
  const kernel = [1, 2, 1].map((a) => [1, 2, 1].map((b) => -(a * b) / 16))
  ;(kernel[1] as number[])[1] = 1 - 4 / 16
  const at = (y: number, x: number): number => kernel[y]?.[x] ?? 0
  const product = (shift: number): number =>
    [0, 1, 2].reduce((sum, y) => sum + [0, 1, 2].reduce((part, x) => part + at(y, x) * at(y, x + shift), 0), 0)
  return product(lag) / product(0)
}

describe('patterns', () => {
  it('of a slope are of one kind', () => {
    const slope = planeBy(200, 200, (x, y) => x + y / 7)
    near(measure(slope, 'patterns.near-4'), 1, 1e-9)
  })

  it('of white noise are spread, a little over half of them mixed', () => {
    const values = extractFeatures(whiteNoise(20, 4, 512))
    // Of nine samples each rank of the middle one is as likely.
    near(featureOf(values, 'patterns.near-0') ** 2, 1 / 9, 0.01)
    near(featureOf(values, 'patterns.near-8') ** 2, 1 / 9, 0.01)
  })
})

describe('haar', () => {
  it('of white noise loses three quarters of its power at each scale', () => {
    const values = extractFeatures(whiteNoise(16, 7, 512))
    for (const scale of [1, 2, 3]) near(featureOf(values, `haar.fall-${scale}`), Math.log(4), 0.15)
    near(featureOf(values, 'haar.tails-1'), 0, 0.05)
    near(featureOf(values, 'haar.diagonal-1'), 0, 0.05)
    near(featureOf(values, 'haar.scales-1'), 0, 0.05)
  })
})

describe('cosine and period', () => {
  it('show the block grid of a compressed picture', () => {
    const noise = softNoise(60, 9, 256)
    const compressed = compress(noise, 30)
    assert.ok(measure(compressed, 'period.block') > measure(noise, 'period.block') + 0.1)
    assert.ok(measure(compressed, 'cosine.nought-high') > measure(noise, 'cosine.nought-high'))
  })

  it('show a grid that is not ours as another phase', () => {
    const compressed = compress(softNoise(60, 9, 264), 30)
    const shifted = planeBy(256, 256, (x, y) => compressed.samples[(y + 3) * 264 + x + 3] as number)
    assert.ok(measure(shifted, 'period.other-phase') > 2 * measure(softNoise(60, 9), 'period.other-phase'))
  })

  it('show samples that were put between others', () => {
    const small = whiteNoise(20, 3, 256)
    const at = (x: number, y: number): number => small.samples[Math.min(255, y) * 256 + Math.min(255, x)] as number
    const bilinear = planeBy(500, 500, (x, y) => (at(x >> 1, y) + at((x + 1) >> 1, y)) / 2)
    assert.ok(measure(bilinear, 'period.two') > measure(whiteNoise(20, 3, 500), 'period.two') + 3)
  })
})

describe('mirror', () => {
  it('agrees in detail of a mirrored picture, wherever its axis is', () => {
    const noise = powerLaw(-1, 2, 256)
    for (const axis of [255, 250, 263]) {
      const mirrored = planeBy(
        256,
        256,
        (x, y) => noise.samples[y * 256 + (x <= axis / 2 ? x : axis - x < 0 ? x : axis - x)] as number,
      )
      const values = extractFeatures(mirrored)
      assert.ok(featureOf(values, 'mirror.middle') > 0.9, `${axis}`)
    }
  })

  it('of a plane mirrored in its middle is 1', () => {
    const noise = whiteNoise(30, 2)
    const mirrored = planeBy(256, 256, (x, y) => noise.samples[y * 256 + Math.min(x, 255 - x)] as number)
    for (const name of ['mirror.large', 'mirror.coarse', 'mirror.middle', 'mirror.fine', 'mirror.repeated'])
      near(measure(mirrored, name), 1, 1e-5)
  })

  it('of a body that is symmetric with grain that is not shows in the large alone', () => {
    const random = createRandom(4)
    const body = planeBy(
      256,
      256,
      (x, y) => 128 + 80 * Math.cos((x - 127.5) / 20) * Math.cos(y / 25) + 4 * random.normal(),
    )
    const values = extractFeatures(body)
    assert.ok(featureOf(values, 'mirror.large') > 0.9)
    assert.ok(Math.abs(featureOf(values, 'mirror.fine')) < 0.05)
  })
})

describe('gradient', () => {
  it('points along the axis of a grating', () => {
    assert.ok(
      measure(
        planeBy(200, 200, (x) => 128 + 50 * Math.sin(x / 5)),
        'gradient.across',
      ) > 3,
    )
    assert.ok(
      measure(
        planeBy(200, 200, (_, y) => 128 + 50 * Math.sin(y / 5)),
        'gradient.across',
      ) < -3,
    )
    near(
      measure(
        planeBy(200, 200, (x, y) => 128 + 50 * Math.sin((x + y) / 5)),
        'gradient.order',
      ),
      1,
      1e-6,
    )
  })

  it('has no order in noise', () => {
    assert.ok(measure(whiteNoise(20, 6, 512), 'gradient.order') < 0.35)
  })
})

describe('normalised pictures', () => {
  it('measure nearly the same from a file of high quality as from one without loss', () => {
    const random = createRandom(3)
    const picture = planeBy(400, 400, (x, y) =>
      toByte(128 + 80 * Math.sin(x / 31) * Math.cos(y / 23) + 6 * random.normal()),
    )
    const view = { width: 400, height: 400, white: 255, window: null }
    const [plain, lossy] = [picture, compress(picture, 98)].map(({ samples }) => {
      const plane = normaliseView({ ...view, samples })
      return typeof plane === 'string' ? assert.fail(plane) : extractFeatures(plane)
    }) as [Float64Array, Float64Array]
    for (const name of ['noise.fine-level', 'spectrum.slope', 'correlation.fine-1', 'patterns.near-4']) {
      near(featureOf(lossy, name), featureOf(plain, name), 0.15)
    }
  })
})

describe('relief', () => {
  /** Ridges and furrows 24 samples wide, with grain whose level is told by which of them it lies on. */
  const ribs = (ridge: number, furrow: number): NormalPlane => {
    const random = createRandom(5)
    return planeBy(384, 384, (_, y) => {
      const wave = Math.sin((2 * Math.PI * y) / 48)
      return 128 + 40 * wave + (wave > 0 ? ridge : furrow) * random.normal()
    })
  }

  it('has no side where grain is even', () => {
    near(measure(ribs(5, 5), 'relief.fine'), 0, 0.15)
    near(measure(ribs(5, 5), 'relief.order'), 0, 0.1)
  })

  it('tells by its sign which side was smoothed', () => {
    near(measure(ribs(2.5, 5), 'relief.fine'), -Math.log(4), 0.25)
    near(measure(ribs(5, 2.5), 'relief.fine'), Math.log(4), 0.25)
  })

  it('sees detail that runs along ridges', () => {
    const random = createRandom(8)
    const lines = Float64Array.from({ length: 384 }, () => 6 * random.normal())
    const plane = planeBy(384, 384, (_, y) => {
      const wave = Math.sin((2 * Math.PI * y) / 48)
      return 128 + 40 * wave + (wave > 0 ? (lines[y] as number) : 6 * random.normal())
    })
    assert.ok(measure(plane, 'relief.order') > 0.4)
    assert.ok(measure(plane, 'relief.ridge-order') > 0.8)
  })
})
