/** A view of twelve bits through a generator that draws with a network, and back. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Host } from '@fiducial/core/domain/forge/technique.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { regenerateView } from '../services/forge/regenerate.ts'
import { loadWasm } from '../storage/wasm.ts'
import { startPictureGenerator } from '../testing/picture-generator-server.ts'
import { httpDiffusion } from './http-diffusion.ts'

const server = await startPictureGenerator()
const host: Host = {
  ...{ width: 150, height: 120, white: 4095, window: null, kind: 'chest', spacingMm: null },
  samples: Float32Array.from({ length: 18_000 }, (_, i) => {
    return Math.round(2000 + 1500 * Math.sin((i % 150) / 11) * Math.cos(Math.floor(i / 150) / 13))
  }),
}

describe('regenerateView through http-diffusion', () => {
  it('gives a picture of the same scene, drawn by the network of the server', async () => {
    const generator = httpDiffusion({ url: server.url, side: 128, codecs: createCodecs(loadWasm) })
    const { samples, parameters } = await regenerateView(generator, host, { prompt: 'waves', seed: 4, strength: 0.1 })
    assert.deepEqual(server.requests.at(-1)?.size, { width: 128, height: 104 })
    assert.deepEqual(parameters, { strength: 0.1, seed: 4, width: 128, height: 104 })
    const off =
      samples.reduce((sum, value, i) => sum + Math.abs(value - (host.samples[i] as number)), 0) / samples.length
    assert.ok(off > 10 && off < 200, `${off}`)
  })
})
