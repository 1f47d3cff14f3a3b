/**
 * Measured cache: what was measured of images while a model was trained, so that a run that was stopped goes on and a second one is quick.
 *
 * One file an image, named by digests of the image and of the code that measured. Holds numbers only; what cannot be read is measured again.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LearntImage, MeasuredCache } from '../../services/watch/ports.ts'
import { writeFileAtomically } from '../write-file.ts'

/** @param folder  made where it is missing. @param key  hexadecimal; of the code and the techniques */
export function openMeasuredCache(folder: string, key: string): MeasuredCache {
  const place = join(folder, key.slice(0, 16))
  mkdirSync(place, { recursive: true })
  const pathOf = (sha256: string): string => join(place, `${sha256}.json`)
  return {
    read: (sha256) => {
      try {
        return JSON.parse(readFileSync(pathOf(sha256), 'utf8')) as LearntImage
      } catch {
        return undefined
      }
    },
    write: (sha256, learnt) => {
      writeFileAtomically(pathOf(sha256), [new TextEncoder().encode(JSON.stringify(learnt))], { isOverwriting: true })
    },
  }
}
