/**
 * Co-occurrence: which steps of grain stand beside which.
 *
 * Source: Fridrich and Kodovský 2012 (rich models), Haralick et al. 1973 (what is read off such a table). Few sums over the table instead of its
 * cells, so that a model of a hundred pictures can hold them.
 */
import type { FeatureFamily } from '../feature.ts'
import { defineFeatures, SHARE, SIZE } from './define.ts'
import { createGrainPatch, type GrainPatch, LEVELS, readGrainPatch } from './grain-patch.ts'
import { PATCH, type Study } from './study.ts'

const PAPER = 'Fridrich and Kodovský 2012; Haralick et al. 1973'
const TABLES = ['fine-beside', 'fine-diagonal', 'middle-beside'] as const

export const CO_OCCURRENCE: FeatureFamily = {
  features: TABLES.flatMap((table) => [
    ...defineFeatures('pairs', { paper: PAPER, ...SIZE }, [`${table}-entropy`]),
    ...defineFeatures(
      'pairs',
      { paper: PAPER, ...SHARE },
      ['still', 'same', 'opposite', 'far'].map((name) => `${table}-${name}`),
    ),
  ]),
  measure(study, into, at) {
    const fine = [new Float64Array(LEVELS * LEVELS), new Float64Array(LEVELS * LEVELS)] as const
    const middle = new Float64Array(LEVELS * LEVELS)
    const patch = createGrainPatch()
    forPatches(study, study.fine, patch, () => {
      countPairs(patch, 1, 1, 0, fine[0])
      countPairs(patch, 1, 0, 1, fine[0])
      countPairs(patch, 1, 1, 1, fine[1])
    })
    forPatches(study, study.middle, patch, () => {
      countPairs(patch, 2, 1, 0, middle)
      countPairs(patch, 2, 0, 1, middle)
    })
    into.set([...describe(fine[0]), ...describe(fine[1]), ...describe(middle)], at)
  },
}

function forPatches({ blackPatches, width }: Study, layer: Float32Array, patch: GrainPatch, count: () => void): void {
  for (const from of blackPatches) if (readGrainPatch(layer, from, width, patch)) count()
}

/** Adds pairs `distance` apart, to the right, down or both. */
function countPairs({ steps }: GrainPatch, distance: number, right: 0 | 1, down: 0 | 1, table: Float64Array): void {
  const apart = distance * (down * PATCH + right)
  for (let y = 0; y < PATCH - distance * down; y++) {
    const to = (y + 1) * PATCH - distance * right
    for (let i = y * PATCH; i < to; i++) {
      const cell = (steps[i] as number) * LEVELS + (steps[i + apart] as number)
      table[cell] = (table[cell] as number) + 1
    }
  }
}

/** Entropy in nats, and square roots of shares: both about nought; both to one side; to opposite sides; both two steps off. Of an empty table those of chance. */
function describe(table: Float64Array): number[] {
  const total = table.reduce((sum, count) => sum + count, 0)
  if (total === 0) return [0, 0.5, 0.5, 0.5, 0.5]
  let [entropy, still, same, opposite, far] = [0, 0, 0, 0, 0]
  for (let i = 0; i < table.length; i++) {
    const share = (table[i] as number) / total
    const [a, b] = [Math.floor(i / LEVELS) - 2, (i % LEVELS) - 2]
    if (share > 0) entropy -= share * Math.log(share)
    if (a === 0 && b === 0) still += share
    if (a * b > 0) same += share
    if (a * b < 0) opposite += share
    if (a * a === 4 && b * b === 4) far += share
  }
  return [entropy, Math.sqrt(still), Math.sqrt(same), Math.sqrt(opposite), Math.sqrt(far)]
}
