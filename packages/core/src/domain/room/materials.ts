/**
 * Materials: what tissue weakens a beam by, and what a beam is made of.
 *
 * Source: mass attenuation coefficients of NIST (Hubbell and Seltzer, NISTIR 5632, tables 3 and 4), tissues after
 * ICRU Report 44; between the tabled energies the logarithms are joined by straight lines. The spectrum is Kramers' law
 * behind the filters named, without characteristic lines: two parts in a hundred of a filtered chest beam.
 */

/** keV of the columns below. */
const ENERGIES = [20, 30, 40, 50, 60, 80, 100, 150] as const

/** cm²/g at {@link ENERGIES}. */
const MASS_ATTENUATION = {
  soft: [0.823, 0.379, 0.2688, 0.2264, 0.2048, 0.1823, 0.1693, 0.1492],
  fat: [0.5677, 0.3063, 0.2396, 0.2123, 0.1974, 0.18, 0.1688, 0.15],
  bone: [4.001, 1.331, 0.6655, 0.4242, 0.3148, 0.2229, 0.1855, 0.148],
  water: [0.8096, 0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505],
  aluminium: [3.441, 1.128, 0.5685, 0.3681, 0.2778, 0.2018, 0.1704, 0.1378],
  copper: [33.79, 10.92, 4.862, 2.613, 1.593, 0.763, 0.4584, 0.2217],
  lead: [86.36, 30.32, 14.36, 8.041, 5.021, 2.419, 5.549, 2.014],
  caesiumIodide: [26.86, 9.045, 22.97, 12.87, 7.921, 3.677, 2.035, 0.7291],
} as const satisfies Record<string, readonly number[]>

export type Absorber = keyof typeof MASS_ATTENUATION

/** What is counted apart along a ray. `lung` and `spongy` weaken like soft tissue and bone, but carry a texture. */
export const CHANNELS = ['soft', 'fat', 'bone', 'lung', 'spongy'] as const
export type Channel = (typeof CHANNELS)[number]
/** Partial densities in g/cm³, in the order of {@link CHANNELS}. */
export type Mixture = readonly [soft: number, fat: number, bone: number, lung: number, spongy: number]

const CHANNEL_ABSORBERS = {
  soft: 'soft',
  fat: 'fat',
  bone: 'bone',
  lung: 'soft',
  spongy: 'bone',
} as const satisfies Record<Channel, Absorber>

/** Tissues; densities of ICRU 44, lung as at full inspiration, spongy bone as marrow between trabeculae. */
export const TISSUES = {
  air: [0, 0, 0, 0, 0],
  lung: [0, 0, 0, 0.24, 0],
  fat: [0, 0.95, 0, 0, 0],
  muscle: [1.05, 0, 0, 0, 0],
  blood: [1.06, 0, 0, 0, 0],
  liver: [1.065, 0, 0, 0, 0],
  disc: [1.1, 0, 0, 0, 0],
  bowel: [0.75, 0.2, 0, 0, 0],
  cortical: [0, 0, 1.92, 0, 0],
  spongy: [0.6, 0.33, 0, 0, 0.28],
  vertebra: [0.64, 0.34, 0, 0, 0.18],
  cartilage: [1.1, 0, 0, 0, 0],
} as const satisfies Record<string, Mixture>
export type Tissue = keyof typeof TISSUES

/** One energy of a beam cut into a few. */
export interface Bin {
  readonly energyKev: number
  /** Share of the detector's signal without an object; all bins sum to 1. */
  readonly share: number
}

/** cm²/g at an energy, 20 … 150 keV; beyond, the value at the end. */
export function massAttenuation(absorber: Absorber, energyKev: number): number {
  const values = MASS_ATTENUATION[absorber]
  const upper = ENERGIES.findIndex((energy) => energy >= energyKev)
  if (upper === 0) return values[0]
  if (upper < 0) return values[values.length - 1] as number
  const [e0, e1] = [ENERGIES[upper - 1] as number, ENERGIES[upper] as number]
  const fraction = Math.log(energyKev / e0) / Math.log(e1 / e0)
  return (values[upper - 1] as number) ** (1 - fraction) * (values[upper] as number) ** fraction
}

/** Linear attenuation of each channel per g/cm², in the order of {@link CHANNELS}. */
export const channelAttenuation = (energyKev: number): number[] =>
  CHANNELS.map((channel) => massAttenuation(CHANNEL_ABSORBERS[channel], energyKev))

/** Linear attenuation of a tissue in 1/cm. */
export function linearAttenuation(mixture: Mixture, energyKev: number): number {
  return channelAttenuation(energyKev).reduce((sum, value, i) => sum + value * (mixture[i] as number), 0)
}

/**
 * The beam of a tube as a detector of caesium iodide (0.5 mm, packed to 3.6 g/cm³) weighs it.
 *
 * @param peakKv     tube voltage
 * @param filter     millimetres of aluminium and copper
 * @param binCount   energies to return, each standing for an equal share of the signal
 */
export function beamSpectrum(
  peakKv: number,
  filter: { readonly aluminiumMm: number; readonly copperMm: number },
  binCount: number,
): Bin[] {
  const energies: number[] = []
  for (let energy = 20; energy < peakKv; energy++) energies.push(energy + 0.5)
  const signals = energies.map((energy) => {
    const tube = Math.max(0, peakKv - energy) / energy
    const behind =
      0.27 * filter.aluminiumMm * massAttenuation('aluminium', energy) +
      0.896 * filter.copperMm * massAttenuation('copper', energy)
    const absorbed = 1 - Math.exp(-0.18 * massAttenuation('caesiumIodide', energy))
    return tube * Math.exp(-behind) * absorbed * energy
  })
  const total = signals.reduce((sum, signal) => sum + signal, 0)
  const bins = Array.from({ length: binCount }, () => ({ energyKev: 0, share: 0 }))
  let sum = 0
  for (const [i, energy] of energies.entries()) {
    const share = (signals[i] as number) / total
    const bin = bins[Math.min(binCount - 1, Math.floor((sum + share / 2) * binCount))] as {
      energyKev: number
      share: number
    }
    bin.energyKev += energy * share
    bin.share += share
    sum += share
  }
  return bins.map(({ energyKev, share }) => ({ energyKev: energyKev / share, share }))
}
