/** The networks of the forge on true chests that they have not learnt from: the same chest comes back, without its grain. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createRandom } from '@fiducial/core/domain/attack/random.ts'
import { isNetworkPatient } from '@fiducial/core/domain/forge/networks/network-patients.ts'
import type { Host } from '@fiducial/core/domain/forge/technique.ts'
import { AUTOENCODER } from '@fiducial/core/domain/forge/techniques/autoencoder.ts'
import { DIFFUSION } from '@fiducial/core/domain/forge/techniques/diffusion.ts'
import { decode } from 'fast-png'
import { sharedPath, sharedSkip } from '../testing/peers.ts'

const FOLDER = 'data/cxr/real/nih-chestxray14-512'

/** Paths of pictures by patient, below the shared data. */
function readManifest(): readonly { readonly path: string; readonly patient: string }[] {
  const lines = readFileSync(sharedPath('data/MANIFEST.csv'), 'utf8').split('\n')
  return lines.flatMap((line) => {
    const patient = /,(nih-\d+),/.exec(line)?.[1]
    const path = `data/${line.split(',')[0]}`
    return patient === undefined || !path.startsWith(FOLDER) ? [] : [{ path, patient }]
  })
}

function readHost(path: string): Host {
  const { width, height, data } = decode(readFileSync(join(sharedPath(path))))
  return { width, height, samples: Float32Array.from(data), white: 255, window: null, kind: 'chest', spacingMm: null }
}

/** Correlation of the whole pictures, −1 to 1. */
function likenessOf(a: Float32Array, b: Float32Array): number {
  const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const [middleA, middleB] = [mean(a), mean(b)]
  let [product, squareA, squareB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const [u, v] = [(a[i] as number) - middleA, (b[i] as number) - middleB]
    product += u * v
    squareA += u * u
    squareB += v * v
  }
  return product / Math.sqrt(squareA * squareB)
}

/** Mean difference of neighbours in a row. */
const roughnessOf = (samples: Float32Array): number =>
  samples.reduce((sum, value, i) => sum + Math.abs(value - (samples[i - 1] ?? value)), 0) / samples.length

describe('networks of the forge on true chests', { skip: sharedSkip }, () => {
  it('learnt from a fifth of the patients: 195 of 943 pictures', () => {
    const pictures = readManifest()
    assert.equal(pictures.length, 943)
    assert.equal(pictures.filter(({ patient }) => isNetworkPatient(patient)).length, 195)
  })

  for (const technique of [AUTOENCODER, DIFFUSION]) {
    it(`give the same chest back: ${technique.id}`, () => {
      const foreign = readManifest().filter(({ patient }) => !isNetworkPatient(patient))
      for (const { path } of [foreign[10], foreign[500]] as { readonly path: string }[]) {
        const host = readHost(path)
        const { samples } = technique.make(host, createRandom(2), technique === DIFFUSION ? { steps: 4 } : {})
        const likeness = likenessOf(host.samples, samples)
        assert.ok(likeness > 0.98 && likeness < 0.99999, `${likeness}`)
      }
    })
  }

  it('leave less detail than there was: autoencoder', () => {
    const [picture] = readManifest().filter(({ patient }) => !isNetworkPatient(patient))
    const host = readHost((picture as { readonly path: string }).path)
    const { samples } = AUTOENCODER.make(host, createRandom(2), { strength: 1 })
    assert.ok(roughnessOf(samples) < 0.9 * roughnessOf(host.samples))
  })
})
