/** Options to train watch models in tests. */
import type { TrainOptions } from '../domain/watch/model/train-model.ts'

export const toyTraining = (options: Partial<TrainOptions>): TrainOptions => ({
  name: 'toy',
  seed: 7,
  cues: [],
  dataManifestHash: '0'.repeat(64),
  codeHash: '1'.repeat(64),
  source: 'normal deviates',
  stratum: {
    id: 'toy',
    selector: { modality: 'DX', manufacturer: 'ACME' },
    limits: { rows: [512, 512], columns: [400, 512], bits: [8] },
  },
  ...options,
})
