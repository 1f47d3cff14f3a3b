/** Progress: one line that says how far a run is, how fast, and how long it will take. */

import type { Images } from './images.ts'
import type { Output } from './output.ts'

const BAR_COLUMNS = 24
/** Before that, a guess at the time left would jump about. */
const ETA_AFTER_MS = 1500

/** How much there is to do, as far as it is known. */
export type Extent = Pick<Images, 'found' | 'isComplete'>

export class Progress {
  readonly #output: Output
  readonly #verb: string
  readonly #images: Extent
  readonly #start = performance.now()
  #done = 0
  #bytes = 0

  /** @param verb  what happens, such as `verifying` */
  constructor(output: Output, verb: string, images: Extent) {
    this.#output = output
    this.#verb = verb
    this.#images = images
  }

  /** One more image is done, or several other things at once. */
  advance(bytes: number, count = 1): void {
    this.#done += count
    this.#bytes += bytes
    this.#output.progress(() => this.#line())
  }

  /** `106.2 MB in 0.8 s, 250 files a second`; of a run of no length, nothing about its speed. */
  summary(noun = 'files'): string {
    const seconds = (performance.now() - this.#start) / 1000
    const rate = this.#done / seconds
    const pace = this.#done > 1 ? `, ${rate.toFixed(rate < 10 ? 1 : 0)} ${noun} a second` : ''
    const bytes = this.#bytes > 0 ? `${formatBytes(this.#bytes)} in ` : ''
    return `${bytes}${formatSeconds(seconds)}${pace}`
  }

  #line(): string {
    const { found, isComplete } = this.#images
    const elapsedMs = performance.now() - this.#start
    const rate = (1000 * this.#done) / elapsedMs
    const share = isComplete && found > 0 ? this.#done / found : 0
    const filled = Math.round(share * BAR_COLUMNS)
    const bar = isComplete ? `${'█'.repeat(filled)}${'░'.repeat(BAR_COLUMNS - filled)} ` : ''
    const of = isComplete ? `${found}` : `${found} found so far`
    const left =
      isComplete && elapsedMs > ETA_AFTER_MS && rate > 0 ? `, ${formatSeconds((found - this.#done) / rate)} left` : ''
    return `${bar}${this.#verb} ${this.#done} of ${of}, ${rate.toFixed(rate < 10 ? 1 : 0)}/s${left}`
  }
}

/** Bytes in units of 1000, as disks and networks are sold by. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return unit === 0 ? `${bytes} bytes` : `${value.toFixed(1)} ${units[unit]}`
}

export function formatSeconds(seconds: number): string {
  if (seconds < 90) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
