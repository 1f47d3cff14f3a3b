/**
 * Value windows: the ranges of canonical values in which viewers are expected to show an image.
 *
 * Source: PS3.3 sections C.11.1.1.2 (rescale) and C.11.2.1.2 (window). CT is looked at in windows for soft tissue (40, 400)
 * and lung (−400, 1500), whatever the file suggests; others in the windows of the file. Where there is neither, a share of
 * the values themselves is taken by whoever has them.
 */
import { findElement, type Tag } from '../../formats/dicom/element.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { numberAt, readText, textAt } from '../../formats/dicom/values.ts'

/** Canonical values that become black and white; real numbers, `low` < `high`, which may lie outside the range of samples. */
export interface ValueWindow {
  readonly low: number
  readonly high: number
}

interface Window {
  readonly center: number
  readonly width: number
}

const CENTER: Tag = 0x00281050
const WIDTH: Tag = 0x00281051
const CT_WINDOWS: readonly Window[] = [
  { center: 40, width: 400 },
  { center: -400, width: 1500 },
]
/** Windows of a file that are taken at most. */
const WINDOWS_AT_MOST = 4

/**
 * The windows of a grey image; none where neither the modality nor the file names one.
 * @param lowest  the stored value that is 0 in the canonical domain: 0, or −2^(bits − 1) of signed samples
 */
export function valueWindowsOf(dataSet: DataSet, lowest: number): readonly ValueWindow[] {
  const slope = numberAt(dataSet, 0x00281053) || 1
  const intercept = numberAt(dataSet, 0x00281052) ?? 0
  const isHounsfield = textAt(dataSet, 0x00080060) === 'CT' && numberAt(dataSet, 0x00281052) !== undefined
  const windows = isHounsfield ? CT_WINDOWS : windowsOf(dataSet)
  return windows.map(({ center, width }) => {
    const ends = [center - width / 2, center + width / 2].map((value) => (value - intercept) / slope - lowest)
    return { low: Math.min(...ends), high: Math.max(...ends) }
  })
}

function windowsOf({ source, elements }: DataSet): readonly Window[] {
  const numbers = (tag: Tag): readonly number[] => {
    const element = findElement(elements, tag)
    return element === undefined ? [] : readText(source, element).split('\\').map(Number)
  }
  const widths = numbers(WIDTH)
  return numbers(CENTER)
    .map((center, i) => ({ center, width: widths[i] ?? 0 }))
    .filter(({ center, width }) => Number.isFinite(center) && Number.isFinite(width) && width >= 1)
    .slice(0, WINDOWS_AT_MOST)
}
