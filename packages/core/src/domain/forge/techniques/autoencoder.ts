/**
 * Auto-encoder: the picture squeezed through a small network and made anew from what came through.
 *
 * Networks: networks/autoencoder.ts, trained on chest pictures of one hospital; other pictures go through it too, and lose more.
 */
import { defineTechnique } from '../define.ts'
import { loadAutoencoder } from '../networks/autoencoder.ts'
import { showView, takeShown } from '../networks/shown.ts'
import { runTiled } from '../networks/tiled.ts'
import { GLOBAL_SIGHT } from '../sight.ts'
import type { Technique } from '../technique.ts'

export const AUTOENCODER: Technique = defineTechnique({
  id: 'autoencoder',
  title: 'The picture goes through a small auto-encoder and back',
  reach: 'global',
  kinds: ['chest', 'limb', 'ct', 'mr', 'other'],
  leastSide: 32,
  parameters: [
    {
      name: 'strength',
      low: 0.4,
      high: 1,
      usual: null,
      meaning: 'share of the result in what is kept, 1 for all of it',
    },
  ],
  expected: GLOBAL_SIGHT,
  forge(host, _random, { strength = 1 }) {
    const shown = showView(host)
    const made = runTiled(shown, loadAutoencoder())
    const mixed = shown.samples.map((value, i) => value + strength * ((made.samples[i] as number) - value))
    return { samples: takeShown(host, { ...made, samples: mixed }), spot: null }
  },
})
