/**
 * Define: what all techniques do alike. A host is checked, parameters are drawn or taken, and values are kept from 0 to white.
 */
import type { Random } from '../attack/random.ts'
import type { Field } from './field.ts'
import type { Forged, Host, Parameter, Spot, Technique } from './technique.ts'

export type Values = Readonly<Record<string, number>>

/** What one technique does by itself. */
export interface Recipe extends Omit<Technique, 'make'> {
  /**
   * @param values  one for each parameter of the technique
   * @returns new values, with a spot where only a part is changed; a changed copy, never the host's own samples
   */
  forge(host: Host, random: Random, values: Values): { readonly samples: Float32Array; readonly spot: Spot | null }
}

export function defineTechnique({ forge, ...technique }: Recipe): Technique {
  return {
    ...technique,
    make(host: Host, random: Random, chosen: Values = {}): Forged {
      checkHost(technique, host)
      const parameters = chooseValues(technique.parameters, random, chosen)
      const { samples, spot } = forge(host, random, parameters)
      return { samples: clipTo(samples, host.white), parameters, spot }
    },
  }
}

/** Every parameter as asked for, else its usual value, else drawn; chosen ones draw too, so that the rest stays as it was. */
export function chooseValues(parameters: readonly Parameter[], random: Random, chosen: Values): Values {
  for (const name of Object.keys(chosen)) {
    if (!parameters.some((parameter) => parameter.name === name)) throw new RangeError(`there is no parameter ${name}`)
  }
  const values: Record<string, number> = {}
  for (const { name, low, high, usual } of parameters) {
    const drawn = random.between(low, high)
    const value = chosen[name] ?? usual ?? drawn
    if (!(value >= low && value <= high)) throw new RangeError(`${name} goes from ${low} to ${high}`)
    values[name] = value
  }
  return values
}

/** @throws {RangeError} for a host that the technique is not for */
export function checkHost({ kinds, leastSide, needsDonor }: Omit<Technique, 'make'>, host: Host): void {
  checkFilled(host)
  if (!kinds.includes(host.kind)) throw new RangeError(`not for pictures of kind ${host.kind}`)
  if (Math.min(host.width, host.height) < leastSide) throw new RangeError(`a side has fewer than ${leastSide} samples`)
  if (needsDonor !== true) return
  if (host.donor === undefined) throw new RangeError('a picture of another patient is needed')
  checkFilled(host.donor)
  if (Math.min(host.donor.width, host.donor.height) < leastSide) {
    throw new RangeError(`a side of the other picture has fewer than ${leastSide} samples`)
  }
}

export function checkFilled({ width, height, samples }: Field): void {
  if (samples.length !== width * height) throw new RangeError('samples do not fill the picture')
}

/** Kept from 0 to `white`, in place. */
export function clipTo(samples: Float32Array, white: number): Float32Array {
  for (let i = 0; i < samples.length; i++) {
    const value = samples[i] as number
    if (value < 0) samples[i] = 0
    else if (value > white) samples[i] = white
  }
  return samples
}
