/** Options: the words of `forge make`, read and checked before the first image is opened. */

import type { HostKind, Technique, VolumeTechnique } from '@fiducial/core/domain/forge/technique.ts'
import { findTechnique, TECHNIQUES, VOLUME_TECHNIQUES } from '@fiducial/core/domain/forge/techniques/all.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import type { GeneratorOptions } from './generator.ts'

export interface MakeOptions extends GeneratorOptions {
  readonly out: string
  readonly seed: number
  readonly kind?: HostKind
  readonly set?: readonly string[]
  readonly donor?: string
  /** From 1. */
  readonly frame?: number
  readonly mask: boolean
  readonly preview?: boolean
  readonly overwrite?: boolean
}

export type AnyTechnique = Technique | VolumeTechnique

/** A technique as far as it is told about. */
export type Described = Omit<Technique, 'make'> | Omit<VolumeTechnique, 'make'>

/** Those of single images, then those of volumes. */
export const allTechniques = (): readonly AnyTechnique[] => [...TECHNIQUES, ...VOLUME_TECHNIQUES]

export const isOfVolumes = (technique: AnyTechnique): technique is VolumeTechnique => technique.reach === 'volume'

/** @throws {UsageError} for an id that is none */
export function pickTechnique(id: string): AnyTechnique {
  const technique = findTechnique(id) ?? VOLUME_TECHNIQUES.find((one) => one.id === id)
  if (technique === undefined)
    throw new UsageError(`there is no technique ${visible(id)}`, 'fiducial forge list shows them')
  return technique
}

/** Checks what was asked for against the technique. @returns the parameters by name. @throws {UsageError} */
export function readChosen(technique: Described, options: MakeOptions): Readonly<Record<string, number>> {
  if (technique.needsDonor === true && options.donor === undefined)
    throw new UsageError(`${technique.id} needs another patient's picture`, 'name it: --donor FILE')
  if (technique.needsDonor !== true && options.donor !== undefined)
    throw new UsageError(`${technique.id} takes no --donor`)
  if (technique.reach === 'volume' && options.frame !== undefined)
    throw new UsageError(`${technique.id} is made of a series of slices, without --frame`)
  if (options.kind !== undefined && !technique.kinds.includes(options.kind))
    throw new UsageError(`${technique.id} is not for ${options.kind}`, `it is for ${technique.kinds.join(', ')}`)
  return Object.fromEntries((options.set ?? []).map((word) => readSetting(technique, word)))
}

function readSetting({ id, parameters }: Described, word: string): readonly [string, number] {
  const [, name = '', value = ''] = /^([^=]*)=(.+)$/.exec(word) ?? []
  const parameter = parameters.find((one) => one.name === name)
  if (parameter === undefined)
    throw new UsageError(
      `--set ${visible(word)} names no parameter of ${id}`,
      parameters.length === 0 ? 'it has none' : `it has ${parameters.map((one) => one.name).join(', ')}: name=value`,
    )
  const { low, high } = parameter
  const number = /^-?\d/.test(value) ? Number(value) : Number.NaN
  if (!(number >= low && number <= high))
    throw new UsageError(`--set ${visible(word)} is out of range`, `${name} goes from ${low} to ${high}`)
  return [name, number]
}
