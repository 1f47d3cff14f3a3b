/**
 * Report plots: drawings of the audit report as SVG inside the page.
 *
 * Each has a title and a description for those who do not see it; the same figures stand in a table beside it.
 */

import type { RocPoint } from '../statistics/roc.ts'
import { METHODS, type Method } from './audit-result.ts'
import { asHtml, signed } from './report-text.ts'

/** Class of the colour of each method. */
export const COLOURS: Readonly<Record<Method, string>> = {
  'one-class': 'one',
  boosting: 'two',
  logistic: 'three',
  cues: 'four',
  combined: 'five',
}

/** Pixels. */
interface Frame {
  readonly width: number
  readonly height: number
}

/** Words are escaped here. */
const drawing = ({ width, height }: Frame, title: string, parts: readonly string[]): string =>
  `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img"><title>${asHtml(title)}</title>${parts.join('')}</svg>`

const at = (value: number): string => String(Math.round(value * 10) / 10)

const line = (kind: string, [x1, y1]: readonly [number, number], [x2, y2]: readonly [number, number]): string =>
  `<line class="${kind}" x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}"/>`

const words = (
  text: string,
  [x, y]: readonly [number, number],
  anchor: 'start' | 'middle' | 'end' = 'start',
  kind = '',
): string =>
  `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}"${kind === '' ? '' : ` class="${kind}"`}>${asHtml(text)}</text>`

export interface Line {
  readonly method: Method
  readonly points: readonly (readonly [x: number, y: number])[]
}

const SIDE = 190
const MARGIN = 44

/** Lines over a square from 0 to 1 on both axes, with the diagonal. */
export function squarePlot(title: string, lines: readonly Line[], [across, up]: readonly [string, string]): string {
  const x = (value: number): number => MARGIN + value * SIDE
  const y = (value: number): number => 10 + (1 - value) * SIDE
  const ticks = [0, 0.5, 1].flatMap((value) => [
    line('grid', [x(value), y(0)], [x(value), y(1)]),
    line('grid', [x(0), y(value)], [x(1), y(value)]),
    words(String(value), [x(value), y(0) + 15], 'middle', 'soft'),
    words(String(value), [x(0) - 6, y(value) + 4], 'end', 'soft'),
  ])
  const drawn = lines.map(({ method, points }) => {
    const path = points.map(([px, py]) => `${at(x(px))},${at(y(py))}`).join(' ')
    return `<polyline class="curve stroke ${COLOURS[method]}${method === 'one-class' ? '' : ' dashed'}" points="${path}"/>`
  })
  const axes = [
    words(across, [x(0.5), y(0) + 31], 'middle', 'soft'),
    `<text class="soft" text-anchor="middle" transform="translate(11 ${at(y(0.5))}) rotate(-90)">${asHtml(up)}</text>`,
  ]
  const frame = { width: MARGIN + SIDE + 12, height: SIDE + 48 }
  return drawing(frame, title, [...ticks, line('chance', [x(0), y(0)], [x(1), y(1)]), ...axes, ...drawn])
}

export const rocLine = (method: Method, points: readonly RocPoint[]): Line => ({
  method,
  points: points.map(({ falseAlarms, hits }) => [falseAlarms, hits]),
})

/** A figure with its interval, on a line of its own. */
export interface Bar {
  readonly method: Method
  readonly value: number
  readonly low: number
  readonly high: number
}

export interface BarGroup {
  readonly name: string
  readonly bars: readonly Bar[]
}

export interface Scale {
  /** Values at the left and right end. */
  readonly from: number
  readonly to: number
  readonly ticks: readonly number[]
  /** Where a dashed line stands: chance, or the level that was asked for. */
  readonly mark: number
}

const ROW = 15
const LABELS = 210
const LENGTH = 520

/** Points with intervals below each other, as in a forest plot. Values outside the scale stop at its end. */
export function forestPlot(title: string, groups: readonly BarGroup[], { from, to, ticks, mark }: Scale): string {
  const x = (value: number): number => LABELS + ((Math.min(Math.max(value, from), to) - from) / (to - from)) * LENGTH
  const parts: string[] = []
  let y = 8
  const starts: number[] = []
  for (const { name, bars } of groups) {
    starts.push(y)
    parts.push(words(name, [LABELS - 12, y + (bars.length * ROW) / 2 + 4], 'end'))
    for (const { method, value, low, high } of bars) {
      const middle = y + ROW / 2
      const colour = COLOURS[method]
      parts.push(line(`stroke ${colour}`, [x(low), middle], [x(high), middle]))
      parts.push(`<circle class="fill ${colour}" cx="${at(x(value))}" cy="${at(middle)}" r="3.5"/>`)
      y += ROW
    }
    y += 9
  }
  const grid = [
    ...ticks.flatMap((value) => [
      line('grid', [x(value), 4], [x(value), y]),
      words(signed(value), [x(value), y + 16], 'middle', 'soft'),
    ]),
    line('chance', [x(mark), 4], [x(mark), y]),
  ]
  return drawing({ width: LABELS + LENGTH + 20, height: y + 24 }, title, [...grid, ...parts])
}

/** The colours and what they stand for, as a list of words. */
export const legend = (methods: readonly Method[] = METHODS): string =>
  `<ul class="legend">${methods.map((method) => `<li class="${COLOURS[method]}"><span class="key" aria-hidden="true"></span>${method}</li>`).join('')}</ul>`
