/** The networks of vectors/forge-networks, which PyTorch trained and ran: our inference gives the same. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { loadAutoencoder } from '@fiducial/core/domain/forge/networks/autoencoder.ts'
import { AUTOENCODER_WEIGHTS } from '@fiducial/core/domain/forge/networks/autoencoder-weights.ts'
import { loadDenoiser } from '@fiducial/core/domain/forge/networks/denoiser.ts'
import { DIFFUSION_WEIGHTS } from '@fiducial/core/domain/forge/networks/diffusion-weights.ts'
import { fieldOfMap, type Maps, mapOfField } from '@fiducial/core/domain/forge/networks/maps.ts'

interface Vector {
  readonly width: number
  readonly height: number
  readonly sigma: number
  readonly input: readonly number[]
  readonly output: readonly number[]
}

const root = join(import.meta.dirname, '../../../..')
const readVector = (name: string): Vector =>
  JSON.parse(readFileSync(join(root, 'vectors/forge-networks', name), 'utf8')) as Vector

/** The largest difference between what we make of the vector's picture and what PyTorch made. */
function differenceOf({ width, height, input, output }: Vector, network: (picture: Maps) => Maps): number {
  const made = fieldOfMap(network(mapOfField({ width, height, samples: Float32Array.from(input) }, 8)), width, height)
  assert.equal(made.samples.length, output.length)
  return Math.max(...output.map((value, i) => Math.abs(value - (made.samples[i] as number))))
}

describe('vectors/forge-networks', () => {
  it('gives with the auto-encoder what PyTorch gives', () => {
    assert.ok(differenceOf(readVector('autoencoder.json'), loadAutoencoder()) < 1e-3)
  })

  it('gives with the denoiser what PyTorch gives', () => {
    const [vector, denoise] = [readVector('diffusion.json'), loadDenoiser()]
    assert.ok(differenceOf(vector, (picture) => denoise(picture, vector.sigma)) < 1e-3)
  })

  it('gives something else for another amount of noise', () => {
    const [vector, denoise] = [readVector('diffusion.json'), loadDenoiser()]
    assert.ok(differenceOf(vector, (picture) => denoise(picture, 2 * vector.sigma)) > 0.05)
  })

  it('has the weights that the page of the networks names', () => {
    const page = readFileSync(join(root, 'docs/reference/forge-networks.md'), 'utf8')
    for (const weights of [AUTOENCODER_WEIGHTS, DIFFUSION_WEIGHTS]) {
      assert.ok(page.includes(createHash('sha256').update(Buffer.from(weights, 'base64')).digest('hex')))
    }
    const script = readFileSync(join(root, 'tools/train-forge-networks.py'))
    assert.ok(page.includes(createHash('sha256').update(script).digest('hex')))
  })
})
