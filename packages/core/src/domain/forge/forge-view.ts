/**
 * Forge view: a technique applied to a host, with its values as they would be stored and the map of what they change.
 */
import { createRandom } from '../attack/random.ts'
import { storeGrey } from '../pixels/grey-view.ts'
import type { Host, Spot, Technique } from './technique.ts'

export interface ForgedView {
  /** Whole numbers from 0 to the host's white, larger is brighter; as many as the host has. */
  readonly samples: Uint16Array
  /** 1 where the stored value differs from the host's, row by row. */
  readonly mask: Uint8Array
  /** Where something was changed; null where the whole picture was made anew. */
  readonly spot: Spot | null
  readonly parameters: Readonly<Record<string, number>>
  /** Share of the samples that differ, 0 to 1. */
  readonly changedShare: number
}

/**
 * @param seed    a whole number of 32 bits
 * @param chosen  parameters that are not to be drawn
 * @throws {RangeError} as {@link Technique.make}
 */
export function forgeView(
  technique: Technique,
  host: Host,
  seed: number,
  chosen?: Readonly<Record<string, number>>,
): ForgedView {
  const { samples: made, parameters, spot } = technique.make(host, createRandom(seed), chosen)
  const { width, height, white, window } = host
  const samples = storeGrey({ width, height, white, window, samples: made }, false).samples as Uint16Array
  const before = storeGrey(host, false).samples
  const mask = new Uint8Array(samples.length)
  let changed = 0
  for (let i = 0; i < mask.length; i++) {
    if (samples[i] === before[i]) continue
    mask[i] = 1
    changed++
  }
  return { samples, mask, spot, parameters, changedShare: changed / mask.length }
}
